#include "common/store/upkeep/packed_script.hpp"

#include <gtest/gtest.h>

#include "common/base/files.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

TEST(PackedScript, comes_back_byte_for_byte) {
  TemporaryDirectory const directory;
  auto const script = directory.path() / "model.pt", back = directory.path() / "back.pt";
  for (std::size_t const size : {1, 4096, 5000, 12288}) {
    auto const packed = directory.path() / (std::to_string(size) + ".h5");
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; i += 3) text[i] = static_cast<char>(i);
    write_text(script, text);
    auto file = hdf5::File::create(packed);
    pack_script(script, file);
    file.close();
    unpack_script(hdf5::File::open(packed), back);
    EXPECT_EQ(read_text(back), text);
  }
}

TEST(PackedScript, is_not_there_where_a_run_has_none) {
  TemporaryDirectory const directory;
  auto file = hdf5::File::create(directory.path() / "packed.h5");
  pack_script(directory.path() / "none.pt", file);
  EXPECT_FALSE(file.has("/script"));
  unpack_script(file, directory.path() / "none.pt");
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "none.pt"));
}

}  // namespace
}  // namespace fedstrata
