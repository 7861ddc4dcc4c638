#include "common/store/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <functional>

#include "common/base/checksum.hpp"
#include "common/base/files.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(RunTest, what_was_written_is_read) {
  make_sample();
  auto const run = Run::open(path_);
  EXPECT_EQ(run.header().config_text, "[run]\nseed = 3\n");
  EXPECT_EQ(run.header().table.layers[1].buffers, (Slice{0, 2}));
  EXPECT_EQ(run.header().table.parameters[0].shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(run.header().partition.indices, sample_header().partition.indices);
  EXPECT_EQ(run.header().dataset.std, std::vector<double>{0.25});
  auto const rounds = run.metrics<RoundRecord>();
  ASSERT_EQ(rounds.size(), 11u);
  for (std::size_t i = 0; i < rounds.size(); ++i)
    EXPECT_EQ(rounds[i].round, static_cast<std::int64_t>(i));
  auto const barriers = run.analysis<BarrierRecord>("insitu");
  ASSERT_EQ(barriers.size(), 2u);
  EXPECT_EQ(barriers[1].loss_mid, 10);
  auto const checkpoints = run.checkpoints();
  ASSERT_EQ(checkpoints.size(), 3u);
  EXPECT_THAT(checkpoints[2].clients, ElementsAre(0, 1, 3, 4));
  std::vector<float> row(kParameters), buffers(kBuffers);
  run.read(10, RowKind::after, 3, row, buffers);
  EXPECT_EQ(row, sample_row(10, RowKind::after, 3, kParameters));
  EXPECT_EQ(buffers, sample_row(10, RowKind::after, 3, kBuffers));
  EXPECT_THROW(run.read(10, RowKind::before, 2, row, buffers), Error);
  EXPECT_THROW(run.read(3, RowKind::global, 0, row, buffers), Error);
  EXPECT_THAT(verify_run(path_), IsEmpty());
}

TEST_F(RunTest, a_damaged_or_missing_file_is_named) {
  make_sample();
  for (auto const& name : entries(path_)) {
    auto const file = path_ / name;
    if (!fs::is_regular_file(file) || name.starts_with("state") || name == "DONE") continue;
    // Of the sidecar only the first line counts; the second tells of the index before.
    auto const kept = name == "run.h5.sum" ? 8 : static_cast<std::int64_t>(fs::file_size(file) / 2);
    auto const copy = directory_.path() / "copy";
    fs::copy_file(file, copy);
    for (auto const& damage : std::vector<std::function<void()>>{
             [&] { flip_byte(file, kept); },
             [&] { fs::resize_file(file, static_cast<std::uintmax_t>(kept)); },
             [&] { fs::remove(file); }}) {
      damage();
      EXPECT_THAT(open_message(), testing::AllOf(HasSubstr("input: "), HasSubstr(name)));
      fs::copy_file(copy, file, fs::copy_options::overwrite_existing);
    }
    fs::remove(copy);
  }
  EXPECT_EQ(open_message(), "no error");
}

TEST_F(RunTest, says_what_is_not_a_run_or_too_new) {
  EXPECT_THAT(open_message(), HasSubstr("is not a run: there is no such directory"));
  fs::create_directories(path_);
  EXPECT_THAT(open_message(), HasSubstr("is not a run: it has no run.h5"));
  auto file = hdf5::File::create(path_ / "run.h5");
  file.set("/", "format", std::string("fedstrata"));
  file.set("/", "format_version", std::int64_t{2});
  file.close();
  auto const sum = checksum_file(path_ / "run.h5");
  write_text(path_ / "run.h5.sum", sum.checksum + "  " + std::to_string(sum.bytes) + "\n");
  EXPECT_THAT(open_message(), HasSubstr("format version 2, newer than the 1"));
}

// Three processes publish at once: metrics, and two shards of each checkpoint with analyses.
TEST_F(RunTest, readers_see_a_whole_run_at_any_moment) {
  constexpr std::int64_t kRounds = 25;
  auto run = RunWriter::create(path_, sample_header());
  std::vector<pid_t> children;
  auto const start = [&](auto work) {
    auto const child = ::fork();
    if (child == 0) ::_exit(message_of(work) == "no error" ? 0 : 1);
    children.push_back(child);
  };
  for (int shard : {0, 1})
    start([&, shard] {
      auto other = RunWriter::attach(path_);
      for (std::int64_t round = 1; round <= kRounds; ++round) {
        auto const clients =
            shard == 0 ? std::vector<std::int64_t>{0, 2, 4} : std::vector<std::int64_t>{1, 3};
        write_shard(other, {round, shard, 2, clients, shard == 0, true, false, true});
        if (round % 2 == shard) other.write_analysis("insitu", sample_analysis({round}));
      }
    });
  start([&] {
    for (int i = 0; i < 30; ++i) {
      auto const reader = Run::open(path_);
      auto const rounds = reader.metrics<RoundRecord>();
      for (std::size_t k = 0; k < rounds.size(); ++k)
        require(rounds[k].round == static_cast<std::int64_t>(k), "rows out of order");
      std::vector<float> row(kParameters), buffers(kBuffers);
      for (auto const& info : reader.checkpoints())
        reader.read(info.round, RowKind::before, 3, row, buffers);
    }
  });
  if (have_h5py()) start([&] { require(python(path_.string() + " --watch 100") == 0, "h5py"); });
  for (std::int64_t round = 0; round <= kRounds; ++round)
    run.write_metrics(sample_metrics(round, round));
  for (auto const child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  auto const whole = Run::open(path_);
  EXPECT_THAT(whole.checkpoints(), SizeIs(kRounds));
  EXPECT_THAT(whole.analysis<BarrierRecord>("insitu"), SizeIs(kRounds));
  EXPECT_THAT(whole.metrics<RoundRecord>(), SizeIs(kRounds + 1));
}

}  // namespace
}  // namespace fedstrata
