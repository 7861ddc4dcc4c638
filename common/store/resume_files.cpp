#include "common/store/resume_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/store/run_names.hpp"
#include "common/store/shard_names.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

// A file is: kFields integers, the ids of the clients, the global row, a row of each client, and
// the checksum of all before it. Written and read on machines of one byte order.
constexpr std::int64_t kMagic = 0x3165746174736466;  // "fdstate1"
constexpr std::size_t kFields = 7;
constexpr char const* kExtension = ".state";

using Head = std::array<std::int64_t, kFields>;

std::int64_t first_row(ResumeShard const& shard) {
  return static_cast<std::int64_t>((kFields + shard.clients.size()) * sizeof(std::int64_t));
}

std::int64_t own_offset(ResumeShard const& shard, std::size_t index) {
  auto const elements = shard.global_size + static_cast<std::int64_t>(index) * shard.own_size;
  return first_row(shard) + elements * static_cast<std::int64_t>(sizeof(float));
}

std::size_t index_of(ResumeShard const& shard, std::int64_t client) {
  auto const found = std::ranges::lower_bound(shard.clients, client);
  require(found != shard.clients.end() && *found == client,
          "resume state " + round_text(shard.round) + " has no client " + std::to_string(client));
  return static_cast<std::size_t>(found - shard.clients.begin());
}

fs::path target(fs::path const& directory, ResumeShard const& shard) {
  return directory / shard_name({shard.round, shard.shard, shard.shards}, kExtension);
}

/// Bytes 0 .. bytes - 1 of the file.
std::uint64_t checksum_of(std::istream& stream, std::int64_t bytes) {
  Checksum sum;
  std::vector<char> block(std::size_t{1} << 20);
  while (bytes > 0) {
    auto const size = std::min<std::int64_t>(bytes, std::ssize(block));
    if (!stream.read(block.data(), size)) return 0;
    sum.add(std::as_bytes(std::span(block).first(static_cast<std::size_t>(size))));
    bytes -= size;
  }
  return sum.value();
}

enum class Check { everything, size };

/// Nothing when the file is not what was written under this name.
std::optional<ResumeShard> read_shard(fs::path const& path, Check check) {
  std::ifstream stream(path, std::ios::binary);
  Head head{};
  if (!stream.read(reinterpret_cast<char*>(head.data()), sizeof head)) return std::nullopt;
  std::error_code error;
  auto const size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error || head[0] != kMagic) return std::nullopt;
  auto const name = parse_shard_name(path.filename().string(), kExtension);
  if (!name || head[1] != name->round || head[2] != name->shard || head[3] != name->shards) {
    return std::nullopt;
  }
  for (std::size_t i = 4; i < head.size(); ++i) {  // counts and sizes
    if (head[i] < 0 || head[i] > size) return std::nullopt;
  }
  if (head[4] > 0 && head[6] > size / head[4]) return std::nullopt;
  ResumeShard shard{name->round, name->shard, name->shards, {}, head[5], head[6]};
  shard.clients.resize(static_cast<std::size_t>(head[4]));
  if (!stream.read(reinterpret_cast<char*>(shard.clients.data()),
                   static_cast<std::streamsize>(shard.clients.size() * sizeof(std::int64_t)))) {
    return std::nullopt;
  }
  auto const end = own_offset(shard, shard.clients.size());
  if (size != end + static_cast<std::int64_t>(sizeof(std::uint64_t))) return std::nullopt;
  if (check == Check::size) return shard;
  stream.seekg(0);
  auto const sum = checksum_of(stream, end);
  std::uint64_t stored = 0;
  stream.read(reinterpret_cast<char*>(&stored), sizeof stored);
  if (!stream || stored != sum) return std::nullopt;
  return shard;
}

/// Round -> the names of its shards, of the complete ones. When a round was saved twice, by other
/// numbers of ranks, either will do.
std::map<std::int64_t, std::vector<std::string>> complete_states(fs::path const& directory) {
  return complete_shards(list_files(directory, kExtension), kExtension);
}

}  // namespace

ResumeWriter::ResumeWriter(fs::path const& directory, ResumeShard shard)
    : shard_(std::move(shard)),
      missing_(shard_.clients.size() + (shard_.global_size > 0 ? 1 : 0)),
      file_(target(directory, shard_)) {
  Head const head{kMagic,
                  shard_.round,
                  shard_.shard,
                  shard_.shards,
                  std::ssize(shard_.clients),
                  shard_.global_size,
                  shard_.own_size};
  std::ofstream stream(file_.temporary(), std::ios::binary);
  stream.write(reinterpret_cast<char const*>(head.data()), sizeof head);
  stream.write(reinterpret_cast<char const*>(shard_.clients.data()),
               static_cast<std::streamsize>(shard_.clients.size() * sizeof(std::int64_t)));
  stream.close();
  if (!stream) throw_system_error("write", file_.target());
}

void ResumeWriter::write(std::int64_t offset, std::span<float const> row) {
  std::fstream stream(file_.temporary(), std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(offset);
  stream.write(reinterpret_cast<char const*>(row.data()),
               static_cast<std::streamsize>(row.size_bytes()));
  stream.close();
  if (!stream) throw_system_error("write", file_.target());
  --missing_;
}

void ResumeWriter::write_global(std::span<float const> row) {
  require(std::ssize(row) == shard_.global_size, "a global row of another size");
  write(first_row(shard_), row);
}

void ResumeWriter::write_own(std::int64_t client, std::span<float const> row) {
  require(std::ssize(row) == shard_.own_size, "a client's row of another size");
  write(own_offset(shard_, index_of(shard_, client)), row);
}

void ResumeWriter::publish() {
  require(complete(), "a resume state is published before all its rows came");
  std::fstream stream(file_.temporary(), std::ios::binary | std::ios::in | std::ios::out);
  auto const end = own_offset(shard_, shard_.clients.size());
  auto const sum = checksum_of(stream, end);
  stream.seekp(end);
  stream.write(reinterpret_cast<char const*>(&sum), sizeof sum);
  stream.close();
  if (!stream) throw_system_error("write", file_.target());
  file_.sync();
  file_.publish();
}

std::optional<ResumeState> ResumeState::latest(fs::path const& directory) {
  auto const states = complete_states(directory);
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    ResumeState result;
    for (auto const& name : state->second) {
      auto const shard = read_shard(directory / name, Check::everything);
      if (!shard) {
        log::warning(quoted(directory / name) + " is damaged; an older state is taken instead");
        break;
      }
      result.paths_.push_back(directory / name);
      result.shards_.push_back(*shard);
    }
    if (result.shards_.size() == state->second.size()) return result;
  }
  return std::nullopt;
}

ResumeState ResumeState::at(fs::path const& directory, std::int64_t round) {
  ResumeState result;
  auto states = complete_states(directory);
  for (auto const& name : states[round]) {
    auto const shard = read_shard(directory / name, Check::size);
    require(shard.has_value(), "cannot read " + quoted(directory / name));
    result.paths_.push_back(directory / name);
    result.shards_.push_back(*shard);
  }
  require(!result.shards_.empty(), "there is no resume state of round " + std::to_string(round) +
                                       " in " + quoted(directory));
  return result;
}

void ResumeState::read(std::size_t shard, std::int64_t offset, std::span<float> row) const {
  errno = 0;
  std::ifstream stream(paths_[shard], std::ios::binary);
  stream.seekg(offset);
  stream.read(reinterpret_cast<char*>(row.data()), static_cast<std::streamsize>(row.size_bytes()));
  if (!stream) throw_system_error("read", paths_[shard]);
}

void ResumeState::read_global(std::span<float> row) const {
  require(shards_.front().global_size == std::ssize(row),
          "resume state " + round_text(round()) + " is of another model");
  read(0, first_row(shards_.front()), row);
}

void ResumeState::read_own(std::int64_t client, std::span<float> row) const {
  auto const at = static_cast<std::size_t>(client) % shards_.size();
  auto const& shard = shards_[at];
  auto const index = index_of(shard, client);
  require(shard.own_size == std::ssize(row),
          "resume state " + round_text(round()) + " is of another schedule");
  read(at, own_offset(shard, index), row);
}

void prune_resume_states(fs::path const& directory, std::int64_t keep) {
  auto const states = complete_states(directory);
  auto oldest = states.rbegin();
  for (std::int64_t kept = 1; kept < keep && oldest != states.rend(); ++kept) ++oldest;
  if (oldest == states.rend()) return;
  for (auto const& name : list_files(directory, kExtension)) {
    auto const parsed = parse_shard_name(name, kExtension);
    if (parsed && parsed->round < oldest->first) fs::remove(directory / name);
  }
}

}  // namespace fedstrata
