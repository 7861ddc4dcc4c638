#include "common/store/upkeep/maintenance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/checksum.hpp"
#include "common/base/files.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

using MaintenanceTest = RunTest;

TEST_F(MaintenanceTest, h5py_reads_it_from_anywhere_moved_and_packed) {
  if (!have_h5py()) GTEST_SKIP() << "no h5py for /usr/bin/python3";
  make_sample();
  EXPECT_EQ(python(path_.string()), 0);
  auto const moved = directory_.path() / "moved";
  fs::rename(path_, moved);
  EXPECT_EQ(python(moved.string()), 0);
  auto const packed = directory_.path() / "packed.h5";
  pack_run(moved, packed);
  EXPECT_THAT(message_of([&] { pack_run(moved, packed); }), HasSubstr("--pack"));
  fs::remove_all(moved);
  EXPECT_EQ(python(packed.string()), 0);
}

TEST_F(MaintenanceTest, an_index_is_rebuilt_over_sound_files_alone) {
  make_sample();
  auto const before = checksum_file(path_ / "run.h5");
  auto const rebuild = [&] { return message_of([&] { rebuild_index(path_); }); };
  EXPECT_EQ(rebuild(), "no error");
  // A file that the index names is compared with its checksum; without an index, it is tried.
  for (bool const lost : {false, true}) {
    for (auto const* name : {"header.h5", "metrics/000001-000005.h5", "checkpoints/000005.h5",
                             "barriers/insitu/000005-000005.h5"}) {
      auto const file = path_ / name;
      auto const kept = read_text(file);
      if (lost) fs::remove(path_ / "run.h5.sum");
      fs::resize_file(file, fs::file_size(file) / 2);
      EXPECT_THAT(rebuild(), testing::AllOf(HasSubstr("input: "), HasSubstr(file.string()),
                                            HasSubstr(lost ? "cannot be used" : "is damaged")));
      write_text(file, kept);
    }
  }
  EXPECT_EQ(rebuild(), "no error");
  write_text(path_ / "metrics" / "000011-000012.h5", "added by somebody");
  EXPECT_THAT(rebuild(), HasSubstr("metrics/000011-000012.h5' cannot be used"));
  fs::remove(path_ / "metrics" / "000011-000012.h5");
  EXPECT_EQ(checksum_file(path_ / "run.h5").bytes, before.bytes);
}

// Well-formed files that say what no run says; as fedstrata never writes them, with h5py.
TEST_F(MaintenanceTest, contents_that_no_run_has_are_refused) {
  if (!have_h5py()) GTEST_SKIP() << "no h5py for /usr/bin/python3";
  for (std::string const change : {
           "f.attrs['seed'] = [1, 2, 3, 4, 5, 6, 7, 8, 9]",
           "f.attrs['config'] = ['a', 'b', 'c', 'd']",
           "f.attrs['parameters'] = 2",
           "del f['provenance']",
           "f['partition/offsets'][1] = 9",
           "f['partition/indices'][0] = -1",
           "del f['layers']; f['layers'] = 3",
           "x = f['layers'][:]; x['offset'][1] = 2**62; f['layers'][:] = x",
           "x = f['parameters'][:]; x['shape'] = b'2x-2'; f['parameters'][:] = x",
           "x = f['parameters'][:]; x['layer'] = b'none'; f['parameters'][:] = x",
           "t = f['layers'].dtype; del f['layers']; f.create_dataset('layers', (2**40,), t, "
           "chunks=(1,))",
       }) {
    fs::remove_all(path_);
    make_sample();
    auto const command =
        "HDF5_USE_FILE_LOCKING=FALSE /usr/bin/python3 -c \"import h5py\nwith "
        "h5py.File('" +
        (path_ / "header.h5").string() + "', 'r+') as f:\n  " + change + "\"";
    ASSERT_EQ(std::system(command.c_str()), 0) << change;
    fs::remove(path_ / "run.h5.sum");
    auto const attached = message_of([&] { Run::attach(path_); });
    EXPECT_THAT(attached, HasSubstr("header.h5' is not as fedstrata writes it")) << change;
    auto const rebuilt = message_of([&] { rebuild_index(path_); });
    EXPECT_THAT(rebuilt, testing::AllOf(HasSubstr("input: "), HasSubstr("header.h5"))) << change;
  }
}

}  // namespace
}  // namespace fedstrata
