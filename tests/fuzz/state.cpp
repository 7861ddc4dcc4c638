// Resume states. Input: flags, then a state file or one of two shards, with or without its
// checksum.
#include <cstring>
#include <vector>

#include "common/base/checksum.hpp"
#include "common/store/rows/resume_files.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace fedstrata;

std::vector<float> const kGlobal = {1, 2, 3, 4, 5};
std::vector<float> const kOwn = {6, 7, 8};
constexpr std::int64_t kClients = 4;

/// Clients that leave a remainder of `shard` in a division by `shards` keep kOwn.
void write_good(std::int64_t round, int shard, int shards) {
  RowShard info{round, shard, shards, {}, {{kOwnRow, std::ssize(kOwn), true}}};
  if (shard == 0) info.fields.push_back({kGlobalRow, std::ssize(kGlobal), false});
  for (auto client = std::int64_t{shard}; client < kClients; client += shards) {
    info.clients.push_back(client);
  }
  RowFileWriter writer(flat_rows(), fuzz::directory(), info);
  if (shard == 0) writer.write(kGlobalRow, kGlobal);
  for (auto const client : info.clients) writer.write(kOwnRow, client, kOwn);
  writer.publish();
}

/// Runs `work`, which may refuse what it finds.
template <class Work>
void attempt(Work work) {
  try {
    work();
  } catch (Error const& error) {
    fuzz::promise(error.what()[0] != '\0', "an error says what is wrong");
  }
}

void check_old(ResumeState const& state) {
  std::vector<float> global(kGlobal.size()), own(kOwn.size());
  state.read(kGlobalRow, global);
  fuzz::promise(global == kGlobal, "the state before is whole");
  for (std::int64_t client = 0; client < kClients; ++client) {
    state.read(kOwnRow, client, own);
    fuzz::promise(own == kOwn, "the state before is whole");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  static bool const written = [] {
    write_good(3, 0, 1);
    write_good(7, 0, 2);
    return true;
  }();
  static_cast<void>(written);
  fuzz::Input input(data, size);
  auto const flags = input.byte();
  auto const rest = input.rest();
  std::vector<std::uint8_t> bytes(rest.begin(), rest.end());
  bool const summed = (flags & 1) != 0;
  if (summed) {
    Checksum sum;
    sum.add(std::as_bytes(std::span(bytes)));
    auto const value = sum.value();
    bytes.resize(bytes.size() + sizeof value);
    std::memcpy(bytes.data() + bytes.size() - sizeof value, &value, sizeof value);
  }
  auto const file = fuzz::directory() / ((flags & 2) != 0 ? "000007-1of2.state" : "000007.state");
  fuzz::write_file(file, bytes);

  auto const state = ResumeState::latest(fuzz::directory());
  fuzz::promise(state.has_value(), "an older state stands in for a damaged one");
  fuzz::promise(state->round() == 3 || (state->round() == 7 && summed),
                "a state is of the round it is named for, and checked");
  if (state->round() == 3) check_old(*state);
  for (std::size_t elements = 0; elements < 9; ++elements) {
    std::vector<float> row(elements);
    attempt([&] { state->read(kGlobalRow, row); });
    attempt([&] { state->read("average.all.v", row); });
    for (std::int64_t client = 0; client < kClients; ++client) {
      attempt([&] { state->read(kOwnRow, client, row); });
    }
  }
  attempt([&] { ResumeState::at(fuzz::directory(), 7); });
  std::filesystem::remove(file);
  return 0;
}
