#include "experiments/run/session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/federation/messages.hpp"

namespace fedstrata {
namespace {

Message pack(DatasetInfo const& info) {
  Message message;
  message.put(std::span<char const>(info.name)).put(info.mean).put(info.std);
  message.put(std::vector{info.channels, info.height, info.width, info.classes, info.train_count,
                          info.test_count});
  return message;
}

DatasetInfo unpack_info(Message message) {
  DatasetInfo info;
  auto const name = message.take<char>();
  info.name.assign(name.begin(), name.end());
  info.mean = message.take<double>();
  info.std = message.take<double>();
  auto const n = message.take<std::int64_t>();
  info.channels = n.at(0);
  info.height = n.at(1);
  info.width = n.at(2);
  info.classes = n.at(3);
  info.train_count = n.at(4);
  info.test_count = n.at(5);
  return info;
}

void copy_into(std::span<std::byte>& target, std::span<std::uint8_t const> source) {
  if (!source.empty()) std::memcpy(target.data(), source.data(), source.size());
  target = target.subspan(source.size());
}

std::span<std::uint8_t const> take(std::span<std::byte const>& bytes, std::int64_t size) {
  auto const n = static_cast<std::size_t>(size);
  std::span<std::uint8_t const> const part(reinterpret_cast<std::uint8_t const*>(bytes.data()), n);
  bytes = bytes.subspan(n);
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
  auto const image = info.channels * info.height * info.width;
  memory_.emplace(node_, (info.train_count + info.test_count) * (image + 1));
  auto target = memory_->bytes();
  if (mine) {
    copy_into(target, mine->train.pixels);
    copy_into(target, mine->train.labels);
    copy_into(target, mine->test.pixels);
    copy_into(target, mine->test.labels);
  }
  node_.barrier();
  std::span<std::byte const> source = memory_->bytes();
  view_.train_pixels = take(source, info.train_count * image);
  view_.train_labels = take(source, info.train_count);
  view_.test_pixels = take(source, info.test_count * image);
  view_.test_labels = take(source, info.test_count);
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
