#include "experiments/run/session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/federation/messages.hpp"

namespace fedstrata {
namespace {

Message pack(DatasetInfo const& info) {
  Message message;
  message.put(std::span<char const>(info.name)).put(std::span<char const>(info.task));
  message.put(info.mean).put(info.std).put(info.shape);
  message.put(std::vector{info.inputs}).put(std::vector{info.targets});
  message.put(std::vector{info.outputs, info.train_count, info.test_count, info.owners});
  return message;
}

DatasetInfo unpack_info(Message message) {
  DatasetInfo info;
  auto const name = message.take<char>(), task = message.take<char>();
  info.name.assign(name.begin(), name.end());
  info.task.assign(task.begin(), task.end());
  info.mean = message.take<double>();
  info.std = message.take<double>();
  info.shape = message.take<std::int64_t>();
  info.inputs = message.take<Inputs>().at(0);
  info.targets = message.take<Targets>().at(0);
  auto const n = message.take<std::int64_t>();
  info.outputs = n.at(0);
  info.train_count = n.at(1);
  info.test_count = n.at(2);
  info.owners = n.at(3);
  return info;
}

/// Bytes that a part of the shared memory takes: parts begin where any type may.
std::int64_t padded_bytes(std::int64_t size) { return (size + 63) / 64 * 64; }

template <class Value>
void copy_into(std::span<std::byte>& target, std::vector<Value> const& source) {
  auto const bytes = std::as_bytes(std::span(source));
  if (!bytes.empty()) std::memcpy(target.data(), bytes.data(), bytes.size());
  target = target.subspan(static_cast<std::size_t>(padded_bytes(std::ssize(bytes))));
}

template <class Value>
std::span<Value const> take(std::span<std::byte const>& bytes, std::int64_t count) {
  std::span const part(reinterpret_cast<Value const*>(bytes.data()),
                       static_cast<std::size_t>(count));
  bytes = bytes.subspan(
      static_cast<std::size_t>(padded_bytes(count * static_cast<std::int64_t>(sizeof(Value)))));
  return part;
}

}  // namespace

SharedDataset::SharedDataset(DataConfig const& config, std::uint64_t seed, mpi::Comm const& world)
    : node_(world.split_by_node()) {
  std::optional<Dataset> mine;
  if (world.rank() == 0) mine = load_dataset(config, seed);
  world.barrier();
  if (node_.rank() == 0 && !mine) mine = load_dataset(config, seed);
  if (world.size() == 1) {
    own_ = std::move(mine);
    view_ = fedstrata::view(*own_);
    return;
  }
  auto message = mine ? pack(mine->info) : Message();
  auto const text = world.broadcast(
      std::string(reinterpret_cast<char const*>(message.bytes().data()), message.bytes().size()),
      0);
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  view_.info = unpack_info(Message(std::move(bytes)));
  auto const& info = view_.info;
  auto const owners = info.owners > 0 ? info.train_count : 0;
  auto total = padded_bytes(owners * 4);
  for (auto const count : {info.train_count, info.test_count}) {
    total += padded_bytes(count * info.input_bytes()) + padded_bytes(count * info.target_bytes());
  }
  memory_.emplace(node_, total);
  auto target = memory_->bytes();
  if (mine) {
    for (auto const* split : {&mine->train, &mine->test}) {
      copy_into(target, split->inputs);
      copy_into(target, split->targets);
    }
    copy_into(target, mine->train.owners);
  }
  node_.barrier();
  std::span<std::byte const> source = memory_->bytes();
  auto const next = [&](std::int64_t count) {
    auto const inputs = take<std::uint8_t>(source, count * info.input_bytes());
    return SplitView{inputs, take<std::uint8_t>(source, count * info.target_bytes())};
  };
  view_.train = next(info.train_count);
  view_.test = next(info.test_count);
  view_.train.owners = take<std::int32_t>(source, owners);
}

Device pick_device(RunConfig const& run, bool computes, mpi::Comm const& world) {
  auto const node = world.split_by_node();
  auto const flags = node.all_gather(computes ? 1 : 0);
  int index = 0;
  int total = 0;
  for (std::size_t rank = 0; rank < flags.size(); ++rank) {
    if (static_cast<int>(rank) < node.rank()) index += static_cast<int>(flags[rank]);
    total += static_cast<int>(flags[rank]);
  }
  return Device(computes ? run.device : DeviceChoice::cpu, run.threads, index, total);
}

}  // namespace fedstrata
