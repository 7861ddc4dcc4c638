#include "common/store/upkeep/packed_script.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/files.hpp"

namespace fedstrata {
namespace {

struct Piece {
  FixedText<4096> bytes;

  static std::span<Field const> fields() {
    static std::array const all{field<Piece>("bytes", &Piece::bytes)};
    return all;
  }
};

constexpr char const* kTable = "/script";

}  // namespace

void pack_script(std::filesystem::path const& script, hdf5::File& packed) {
  if (!std::filesystem::exists(script)) return;
  auto const text = read_text(script);
  std::vector<Piece> pieces((text.size() + sizeof(Piece) - 1) / sizeof(Piece));
  auto const bytes = std::as_writable_bytes(std::span(pieces));
  std::ranges::copy(std::as_bytes(std::span(text)), bytes.begin());
  packed.write_table<Piece>(kTable, pieces);
  packed.set(kTable, "size", static_cast<std::int64_t>(text.size()));
}

void unpack_script(hdf5::File const& packed, std::filesystem::path const& script) {
  if (!packed.has(kTable)) return;
  auto const pieces = packed.read_table<Piece>(kTable);
  auto const bytes = std::as_bytes(std::span(pieces));
  auto const size = packed.integer(kTable, "size");
  require(size >= 0 && size <= std::ssize(bytes), "/script has not its size");
  std::string const text(reinterpret_cast<char const*>(bytes.data()),
                         static_cast<std::size_t>(size));
  write_text(script, text);
}

}  // namespace fedstrata
