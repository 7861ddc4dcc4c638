#include "common/store/resume_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/store/run_names.hpp"
#include "common/store/shard_names.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

// A file is: integers, the ids of the clients, a list of fields, the global row, a row of each
// field, a row of each client, and the checksum of all before it. A state without fields is written
// as version 0.1.0 did, with neither their list nor its length. Written and read on machines of one
// byte order.
constexpr std::int64_t kMagic = 0x3165746174736466;            // "fdstate1"
constexpr std::int64_t kMagicWithFields = 0x3265746174736466;  // "fdstate2"
constexpr char const* kExtension = ".state";

/// The integers at the start of a file.
struct Head {
  std::int64_t magic = 0, round = 0, shard = 0, shards = 0;
  std::int64_t clients = 0, global_size = 0, own_size = 0;
  std::int64_t list_size = 0;  ///< bytes; only with kMagicWithFields

  /// Bytes of the file.
  std::size_t size() const {
    return magic == kMagicWithFields ? sizeof(Head) : offsetof(Head, list_size);
  }
};

std::string field_list(std::vector<ResumeField> const& fields) {
  std::string text;
  for (auto const& field : fields) text += field.name + ' ' + std::to_string(field.size) + '\n';
  return text;
}

/// The reverse of field_list(); nothing when the text is no such list or its rows are larger than
/// `elements`.
std::optional<std::vector<ResumeField>> parse_fields(std::string const& text,
                                                     std::int64_t elements) {
  std::vector<ResumeField> fields;
  std::istringstream words(text);
  for (ResumeField field; words >> field.name >> field.size;) {
    if (field.size < 0 || field.size > elements) return std::nullopt;
    elements -= field.size;
    fields.push_back(field);
  }
  if (field_list(fields) != text) return std::nullopt;
  return fields;
}

Head head_of(ResumeShard const& shard) {
  return {.magic = shard.fields.empty() ? kMagic : kMagicWithFields,
          .round = shard.round,
          .shard = shard.shard,
          .shards = shard.shards,
          .clients = std::ssize(shard.clients),
          .global_size = shard.global_size,
          .own_size = shard.own_size,
          .list_size = std::ssize(field_list(shard.fields))};
}

std::int64_t bytes(std::int64_t elements) {
  return elements * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t global_offset(ResumeShard const& shard) {
  auto const ids = shard.clients.size() * sizeof(std::int64_t);
  return static_cast<std::int64_t>(head_of(shard).size() + ids + field_list(shard.fields).size());
}

/// Where the row of a field begins; that of the first client when there is no such field.
std::int64_t field_offset(ResumeShard const& shard, std::string const& name) {
  auto offset = global_offset(shard) + bytes(shard.global_size);
  for (auto const& field : shard.fields) {
    if (field.name == name) break;
    offset += bytes(field.size);
  }
  return offset;
}

std::int64_t own_offset(ResumeShard const& shard, std::size_t index) {
  return field_offset(shard, "") + bytes(static_cast<std::int64_t>(index) * shard.own_size);
}

/// Elements of a field's row; throws Error when there is none.
std::int64_t field_size(ResumeShard const& shard, std::string const& name) {
  auto const found = std::ranges::find(shard.fields, name, &ResumeField::name);
  require(found != shard.fields.end(),
          "resume state " + round_text(shard.round) + " has no " + name);
  return found->size;
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
  Head head;
  auto* const integers = reinterpret_cast<char*>(&head);
  if (!stream.read(integers, offsetof(Head, list_size))) return std::nullopt;
  std::error_code error;
  auto const size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (error || (head.magic != kMagic && head.magic != kMagicWithFields)) return std::nullopt;
  if (head.magic == kMagicWithFields &&
      !stream.read(integers + offsetof(Head, list_size), sizeof head.list_size)) {
    return std::nullopt;
  }
  auto const name = parse_shard_name(path.filename().string(), kExtension);
  if (!name || head.round != name->round || head.shard != name->shard ||
      head.shards != name->shards) {
    return std::nullopt;
  }
  for (auto const count : {head.clients, head.global_size, head.own_size, head.list_size}) {
    if (count < 0 || count > size) return std::nullopt;
  }
  if (head.clients > 0 && head.own_size > size / head.clients) return std::nullopt;
  ResumeShard shard{.round = name->round,
                    .shard = name->shard,
                    .shards = name->shards,
                    .clients = std::vector<std::int64_t>(static_cast<std::size_t>(head.clients)),
                    .global_size = head.global_size,
                    .own_size = head.own_size};
  std::string list(static_cast<std::size_t>(head.list_size), '\0');
  stream.read(reinterpret_cast<char*>(shard.clients.data()),
              static_cast<std::streamsize>(shard.clients.size() * sizeof(std::int64_t)));
  if (!stream.read(list.data(), std::ssize(list))) return std::nullopt;
  auto fields = parse_fields(list, size);
  if (!fields || fields->empty() != (head.magic == kMagic)) return std::nullopt;
  shard.fields = std::move(*fields);
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
      missing_(shard_.clients.size() + shard_.fields.size() + (shard_.global_size > 0 ? 1 : 0)),
      file_(target(directory, shard_)) {
  auto const head = head_of(shard_);
  auto const list = field_list(shard_.fields);
  std::ofstream stream(file_.temporary(), std::ios::binary);
  stream.write(reinterpret_cast<char const*>(&head), static_cast<std::streamsize>(head.size()));
  stream.write(reinterpret_cast<char const*>(shard_.clients.data()),
               static_cast<std::streamsize>(shard_.clients.size() * sizeof(std::int64_t)));
  stream.write(list.data(), std::ssize(list));
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
  write(global_offset(shard_), row);
}

void ResumeWriter::write_field(std::string const& name, std::span<float const> row) {
  require(std::ssize(row) == field_size(shard_, name), "a row of " + name + " of another size");
  write(field_offset(shard_, name), row);
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
  read(0, global_offset(shards_.front()), row);
}

void ResumeState::read_field(std::string const& name, std::span<float> row) const {
  auto const& shard = shards_.front();
  require(field_size(shard, name) == std::ssize(row),
          "resume state " + round_text(round()) + " has another " + name);
  read(0, field_offset(shard, name), row);
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
