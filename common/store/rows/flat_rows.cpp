#include "common/store/rows/flat_rows.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <functional>
#include <optional>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "common/store/names.hpp"

// A file is: a preamble, the ids of the clients, the rows of each field, and the checksum of all
// before it. Written and read on machines of one byte order.
//
// The preamble of version 2: kMagic2, round, shard, shards, clients, fields (int64), then for each
// field the length of its name, its width and whether it has a row for each client (int64), and the
// name. Version 1 had two fields at most, without names: kMagic1, round, shard, shards, clients,
// width of the row for all (0: none), width of clients' rows.
//
// A resume state is written after many rounds, and read row by row by other ranks than those that
// wrote it, so rows have a fixed place and none is checked with the others before it is read:
// whoever takes a state up checks its files first, on one rank.

namespace fedstrata {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMagic1 = 0x3165746174736466;  // "fdstate1"
constexpr std::int64_t kMagic2 = 0x3265746174736466;  // "fdstate2"
constexpr char const* kExtension = ".state";
constexpr auto kInteger = static_cast<std::int64_t>(sizeof(std::int64_t));

using Preamble = std::array<std::int64_t, 6>;  // of version 2; version 1 has one more
struct FieldPreamble {
  std::int64_t name_size = 0;
  std::int64_t width = 0;
  std::int64_t of_clients = 0;
};

template <class Value>
bool get(std::istream& stream, Value& value) {
  return static_cast<bool>(stream.read(reinterpret_cast<char*>(&value), sizeof value));
}

template <class Value>
void put(std::ostream& stream, Value const& value) {
  stream.write(reinterpret_cast<char const*>(&value), sizeof value);
}

std::int64_t first_row(std::int64_t magic, RowShard const& shard) {
  auto const ids = std::ssize(shard.clients) * kInteger;
  if (magic == kMagic1) return 7 * kInteger + ids;
  std::size_t size = sizeof(Preamble);
  for (auto const& field : shard.fields) size += sizeof(FieldPreamble) + field.name.size();
  return static_cast<std::int64_t>(size) + ids;
}

/// Where a row begins, counted from the first; of the field after the last: where rows end.
std::int64_t offset_of(RowShard const& shard, RowField const* field, std::int64_t row) {
  std::int64_t elements = 0;
  for (auto const& before : shard.fields) {
    if (field != nullptr && before.name == field->name) break;
    elements += shard.rows(before) * before.width;
  }
  if (field != nullptr) elements += row * field->width;
  return elements * static_cast<std::int64_t>(sizeof(float));
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

/// The fields in the preamble, which goes on after its first six integers; nothing when they are
/// not fields. `size`: of the file, no number in it is larger.
bool get_fields(std::istream& stream, Preamble const& preamble, std::int64_t size,
                RowShard& shard) {
  if (preamble[0] == kMagic1) {
    std::int64_t own = 0;
    if (!get(stream, own) || own < 0 || own > size || preamble[5] < 0 || preamble[5] > size)
      return false;
    if (preamble[5] > 0) shard.fields.push_back({"global", preamble[5], false});
    if (own > 0) shard.fields.push_back({"own", own, true});
    return true;
  }
  auto const count = preamble[5];
  if (count < 0 || count > size / static_cast<std::int64_t>(sizeof(FieldPreamble))) return false;
  for (std::int64_t i = 0; i < count; ++i) {
    FieldPreamble field;
    if (!get(stream, field) || field.width < 0 || field.width > size || field.name_size < 0 ||
        field.name_size > size) {
      return false;
    }
    std::string name(static_cast<std::size_t>(field.name_size), '\0');
    if (!stream.read(name.data(), field.name_size)) return false;
    if (shard.find(name) != nullptr) return false;
    shard.fields.push_back({name, field.width, field.of_clients != 0});
  }
  return true;
}

/// What the file holds and where its rows end; nothing when it is not what was written under this
/// name, as far as can be told without its rows.
std::optional<std::pair<RowShard, std::int64_t>> read_preamble(fs::path const& path) {
  std::ifstream stream(path, std::ios::binary);
  Preamble preamble{};
  if (!get(stream, preamble) || (preamble[0] != kMagic1 && preamble[0] != kMagic2))
    return std::nullopt;
  std::error_code error;
  auto const size = static_cast<std::int64_t>(fs::file_size(path, error));
  auto const name = parse_shard_name(path.filename().string(), kExtension);
  if (error || !name || preamble[1] != name->round || preamble[2] != name->shard ||
      preamble[3] != name->shards || preamble[4] < 0 || preamble[4] > size / kInteger) {
    return std::nullopt;
  }
  RowShard shard{name->round, name->shard, name->shards, {}, {}};
  if (!get_fields(stream, preamble, size, shard)) return std::nullopt;
  shard.clients.resize(static_cast<std::size_t>(preamble[4]));
  if (!stream.read(reinterpret_cast<char*>(shard.clients.data()),
                   static_cast<std::streamsize>(shard.clients.size() * sizeof(std::int64_t)))) {
    return std::nullopt;
  }
  auto left = size;
  for (auto const& field : shard.fields) {
    auto const rows = shard.rows(field);
    if (rows > 0 && field.width > left / static_cast<std::int64_t>(sizeof(float)) / rows) {
      return std::nullopt;
    }
    left -= rows * field.width * static_cast<std::int64_t>(sizeof(float));
  }
  auto const end = first_row(preamble[0], shard) + offset_of(shard, nullptr, 0);
  if (size != end + static_cast<std::int64_t>(sizeof(std::uint64_t))) return std::nullopt;
  return std::pair{std::move(shard), end};
}

class Sink : public RowFileSink {
 public:
  Sink(NewFile const& file, RowShard shard) : file_(&file), shard_(std::move(shard)) {
    std::ofstream stream(file_->temporary(), std::ios::binary);
    put(stream, Preamble{kMagic2, shard_.round, shard_.shard, shard_.shards,
                         std::ssize(shard_.clients), std::ssize(shard_.fields)});
    for (auto const& field : shard_.fields) {
      put(stream, FieldPreamble{.name_size = std::ssize(field.name),
                                .width = field.width,
                                .of_clients = field.of_clients ? 1 : 0});
      stream.write(field.name.data(), std::ssize(field.name));
    }
    for (auto const client : shard_.clients) put(stream, client);
    finish(stream);
  }

  void write(RowField const& field, std::int64_t row, std::span<float const> values) override {
    auto stream = open();
    stream.seekp(first_row(kMagic2, shard_) + offset_of(shard_, &field, row));
    stream.write(reinterpret_cast<char const*>(values.data()),
                 static_cast<std::streamsize>(values.size_bytes()));
    finish(stream);
  }

  void close() override {
    auto stream = open();
    auto const end = first_row(kMagic2, shard_) + offset_of(shard_, nullptr, 0);
    auto const sum = checksum_of(stream, end);
    stream.seekp(end);
    put(stream, sum);
    finish(stream);
  }

 private:
  std::fstream open() const {
    return std::fstream(file_->temporary(), std::ios::binary | std::ios::in | std::ios::out);
  }
  template <class Stream>
  void finish(Stream& stream) const {
    stream.close();
    if (!stream) throw_system_error("write", file_->target());
  }

  NewFile const* file_;
  RowShard shard_;
};

class Format : public RowFormat {
 public:
  char const* extension() const override { return kExtension; }

  std::unique_ptr<RowFileSink> create(NewFile const& file, RowShard const& shard) const override {
    return std::make_unique<Sink>(file, shard);
  }

  RowShard shard(fs::path const& path) const override {
    auto preamble = read_preamble(path);
    require(preamble.has_value(),
            "its preamble is not that of a state, or the rows after it are missing");
    return std::move(preamble->first);
  }

  void read(fs::path const& path, RowShard const& shard, RowField const& field, std::int64_t row,
            std::span<float> values) const override {
    errno = 0;
    std::ifstream stream(path, std::ios::binary);
    std::int64_t magic = 0;
    get(stream, magic);
    stream.seekg(first_row(magic, shard) + offset_of(shard, &field, row));
    stream.read(reinterpret_cast<char*>(values.data()),
                static_cast<std::streamsize>(values.size_bytes()));
    if (!stream) throw_system_error("read", path);
  }
};

}  // namespace

RowFormat const& flat_rows() {
  static Format const format;
  return format;
}

bool is_intact_flat_file(fs::path const& path) {
  auto const preamble = read_preamble(path);
  if (!preamble) return false;
  std::ifstream stream(path, std::ios::binary);
  auto const sum = checksum_of(stream, preamble->second);
  std::uint64_t stored = 0;
  return get(stream, stored) && stored == sum;
}

}  // namespace fedstrata
