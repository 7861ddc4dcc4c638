#include <cstring>

#include "common/base/json.hpp"
#include "common/config/ini.hpp"
#include "experiments/view/run_facts.hpp"

namespace fedstrata {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

std::string integer(std::int64_t value) { return std::to_string(value); }

std::string integers(std::vector<std::int64_t> const& values) {
  std::vector<std::string> texts;
  for (auto const value : values) texts.push_back(integer(value));
  return json::array(texts);
}

template <class Value>
Value value_at(std::byte const* record, Field const& field) {
  Value value{};
  std::memcpy(&value, record + field.offset, sizeof value);
  return value;
}

/// A row of a table: its columns.
template <class Record>
std::string row(Record const& record) {
  auto const* bytes = reinterpret_cast<std::byte const*>(&record);
  Members members;
  for (auto const& field : Record::fields()) {
    if (field.type == FieldType::text) {
      std::string text(reinterpret_cast<char const*>(bytes + field.offset), field.size);
      members.emplace_back(field.name, json::text(text.substr(0, text.find('\0'))));
    } else {
      members.emplace_back(field.name, field.type == FieldType::int64
                                           ? integer(value_at<std::int64_t>(bytes, field))
                                           : json::number(value_at<double>(bytes, field)));
    }
  }
  return json::object(members);
}

template <class Record>
std::string rows(std::vector<Record> const& records) {
  std::vector<std::string> texts;
  for (auto const& record : records) texts.push_back(row(record));
  return json::array(texts);
}

std::string config_json(std::string const& config) {
  Members members;
  for (auto const& [key, value, source] : read_ini(config, "").assignments)
    members.emplace_back(key, json::text(value));
  return json::object(members);
}

std::string data_json(RunHeader const& header) {
  auto const& data = header.dataset;
  return json::object({{"name", json::text(data.name)},
                       {"task", json::text(data.task)},
                       {"classes", integer(data.classes())},
                       {"training_samples", integer(data.train_count)},
                       {"test_samples", integer(data.test_count)},
                       {"clients", integer(header.partition.clients())}});
}

std::string layers_json(LayerTable const& table) {
  std::vector<std::string> layers;
  for (auto const& layer : table.layers) {
    layers.push_back(json::object({{"name", json::text(layer.name)},
                                   {"offset", integer(layer.parameters.offset)},
                                   {"size", integer(layer.parameters.size)},
                                   {"stage", integer(layer.stage)},
                                   {"type", json::text(text(layer.type))}}));
  }
  return json::array(layers);
}

std::string analyses_json(Run const& run) {
  std::vector<std::string> analyses;
  for (auto const& facts : analysis_facts(run)) {
    analyses.push_back(json::object({{"name", json::text(facts.name)},
                                     {"rounds", integers(facts.rounds)},
                                     {"curves", integer(facts.curves)},
                                     {"plane_points", integer(facts.plane_points)},
                                     {"skipped_pairs", integer(facts.skipped)}}));
  }
  return json::array(analyses);
}

std::string checkpoints_json(SizeFacts const& sizes) {
  std::vector<std::string> checkpoints;
  for (auto const& [round, bytes] : sizes.checkpoints)
    checkpoints.push_back(json::object({{"round", integer(round)}, {"bytes", integer(bytes)}}));
  return json::array(checkpoints);
}

std::string files_json(SizeFacts const& sizes) {
  Members members;
  for (auto const& [kind, facts] : sizes.kinds) {
    members.emplace_back(
        kind, json::object({{"count", integer(facts.count)}, {"bytes", integer(facts.bytes)}}));
  }
  return json::object(members);
}

}  // namespace

std::string run_json(Inspected const& inspected) {
  auto const& [run, path, models_of, sizes] = inspected;
  auto const& header = run.header();
  auto const rounds = run.metrics<RoundRecord>();
  return json::object(
      {{"run", json::text(path)},
       {"state", json::text(run_state(run))},
       {"running", json::text(run.simulated_by())},
       {"models_of", json::text(models_of)},
       {"model", json::object({{"name", json::text(header.model)},
                               {"parameters", integer(header.table.parameter_count)},
                               {"buffers", integer(header.table.buffer_count)}})},
       {"data", data_json(header)},
       {"seed", std::to_string(header.seed)},
       {"starts", rows(header.provenance)},
       {"configuration", config_json(header.config_text)},
       {"layers", layers_json(header.table)},
       {"rounds", integer(std::ssize(rounds))},
       {"evaluated", rows(evaluated(rounds))},
       {"analyses", analyses_json(run)},
       {"checkpoints", checkpoints_json(sizes)},
       {"files", files_json(sizes)},
       {"bytes", integer(sizes.bytes)}});
}

}  // namespace fedstrata
