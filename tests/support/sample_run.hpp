#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "common/store/run_writer.hpp"

namespace fedstrata {

inline constexpr std::int64_t kClients = 5, kParameters = 7, kBuffers = 2;

/// Header of a small run: 5 clients, two layers with 7 parameters and 2 buffers.
inline RunHeader sample_header() {
  RunHeader header;
  header.config_text = "[run]\nseed = 3\n";
  header.seed = 3;
  header.model = "mlp";
  header.dataset = {.name = "synthetic",
                    .shape = {1, 2, 2},
                    .outputs = 3,
                    .train_count = 10,
                    .test_count = 4,
                    .mean = {0.5},
                    .std = {0.25}};
  header.table.layers = {{"fc1", LayerType::linear, {0, 4}, {0, 0}, 0},
                         {"bn", LayerType::norm, {4, 3}, {0, 2}, 1}};
  header.table.parameters = {{"fc1.weight", 0, {0, 4}, {2, 2}}, {"bn.weight", 1, {4, 3}, {3}}};
  header.table.buffers = {{"bn.running_mean", 1, {0, 2}, {2}}};
  header.table.parameter_count = kParameters;
  header.table.buffer_count = kBuffers;
  header.partition = {{0, 2, 4, 6, 8, 10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {}};
  header.partition.histogram.assign(kClients * 3, 1);
  auto& start = header.provenance.emplace_back();
  start.version = "0.1.0";
  start.hosts = "node1";
  start.ranks = 4;
  return header;
}

/// Element i of a row is round + client / 10 + kind / 100 + i / 1000 (the global row: client 9).
inline std::vector<float> sample_row(std::int64_t round, RowKind kind, std::int64_t client,
                                     std::int64_t size) {
  std::vector<float> row;
  for (std::int64_t i = 0; i < size; ++i)
    row.push_back(static_cast<float>(static_cast<double>(round) + static_cast<double>(client) / 10 +
                                     static_cast<double>(kind) / 100 +
                                     static_cast<double>(i) / 1000));
  return row;
}

/// Writes one shard, last row first.
inline void write_shard(RunWriter& run, CheckpointShard const& shard) {
  CheckpointWriter writer(run, shard);
  auto const write = [&](RowKind kind, std::int64_t client) {
    writer.write(kind, client, sample_row(shard.round, kind, client, kParameters),
                 sample_row(shard.round, kind, client, kBuffers));
  };
  for (auto client = shard.clients.rbegin(); client != shard.clients.rend(); ++client) {
    if (shard.before) write(RowKind::before, *client);
    if (shard.after) write(RowKind::after, *client);
  }
  if (shard.global) write(RowKind::global, 9);
  writer.commit();
}

inline MetricsSegment sample_metrics(std::int64_t first, std::int64_t last) {
  MetricsSegment segment;
  segment.first = first;
  segment.last = last;
  for (auto round = last; round >= first; --round) {
    RoundRecord record;
    record.round = round;
    record.test_accuracy = static_cast<double>(round) / 100;
    segment.add(record);
    for (auto client = kClients; client-- > 0;) {
      ClientRecord row;
      row.round = round;
      row.client = client;
      segment.add(row);
    }
    for (auto const* layer : {"fc1", "bn"}) {
      LayerRecord row;
      row.round = round;
      row.layer = layer;
      segment.add(row);
    }
  }
  return segment;
}

/// Per round two points (alpha 0 and 1), one barrier, no skipped pair, one row of geometry.
inline AnalysisSegment sample_analysis(std::vector<std::int64_t> const& rounds) {
  AnalysisSegment segment;
  segment.rounds = rounds;
  for (auto const round : rounds) {
    for (double const alpha : {0.0, 1.0}) {
      PointRecord point;
      point.round = round;
      point.split = "test";
      point.kind = "full";
      point.target = "all";
      point.alpha = alpha;
      segment.add(point);
    }
    BarrierRecord barrier;
    barrier.round = round;
    barrier.loss_mid = static_cast<double>(round);
    segment.add(barrier);
    GeometryRecord geometry;
    geometry.round = round;
    geometry.layer = "all";
    segment.add(geometry);
  }
  return segment;
}

/// Checkpoints 0 (global), 5 (one shard) and 10 (two shards, clients 0, 1, 3, 4), three metrics
/// segments over rounds 0 .. 10 and the analysis insitu of rounds 5 and 10.
inline void write_sample_run(RunWriter& run) {
  write_shard(run, {0, 0, 1, {}, true, false, false, true});
  run.write_metrics(sample_metrics(0, 0));
  write_shard(run, {5, 0, 1, {0, 1, 2, 3, 4}, true, true, true, true});
  run.write_metrics(sample_metrics(1, 5));
  write_shard(run, {10, 0, 2, {0, 4}, true, true, true, true});
  write_shard(run, {10, 1, 2, {1, 3}, false, true, true, true});
  run.write_metrics(sample_metrics(6, 10));
  run.write_analysis_config("insitu", "[analysis]\n");
  run.write_analysis("insitu", sample_analysis({5}));
  run.write_analysis("insitu", sample_analysis({10}));
  run.mark_done(1);
}

}  // namespace fedstrata
