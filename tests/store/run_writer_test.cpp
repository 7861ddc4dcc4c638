#include "common/store/run_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "common/base/checksum.hpp"
#include "common/base/files.hpp"
#include "common/hdf5/file.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using RunWriterTest = RunTest;

TEST_F(RunWriterTest, the_index_is_a_function_of_the_files) {
  make_sample();
  auto const before = checksum_file(path_ / "run.h5");
  for (auto const& lose : std::vector<std::function<void()>>{
           [&] { fs::remove(path_ / "run.h5"); }, [&] { fs::remove(path_ / "run.h5.sum"); },
           [&] { flip_byte(path_ / "run.h5", 3000); }}) {
    lose();
    RunWriter::attach(path_).publish_index();
    EXPECT_EQ(checksum_file(path_ / "run.h5"), before);
  }
  EXPECT_THAT(verify_run(path_), IsEmpty());
}

TEST_F(RunWriterTest, refuses_to_overwrite_and_leaves_things_as_they_were) {
  make_sample();
  auto const before = entries(path_);
  auto const message = message_of([&] { RunWriter::create(path_, sample_header()); });
  EXPECT_THAT(message, HasSubstr("input: "));
  EXPECT_THAT(message, HasSubstr("--resume"));
  EXPECT_EQ(entries(path_), before);
  fs::create_directory(directory_.path() / "empty");
  RunWriter::create(directory_.path() / "empty", sample_header());
}

TEST_F(RunWriterTest, refuses_impossible_places_and_makes_nothing) {
  std::ofstream(directory_.path() / "file") << "x";
  fs::create_directories(directory_.path() / "full" / "data");
  auto const before = entries(directory_.path());
  for (auto const* place : {"file", "file/run", "full"}) {
    auto const where = directory_.path() / place;
    auto const message = message_of([&] { RunWriter::check_creatable(where); });
    EXPECT_THAT(message, HasSubstr("input: ")) << place;
    EXPECT_EQ(message_of([&] { RunWriter::create(where, sample_header()); }), message);
  }
  auto const long_name = directory_.path() / std::string(300, 'x');
  EXPECT_THAT(message_of([&] { RunWriter::create(long_name, sample_header()); }),
              HasSubstr("input: "));
  EXPECT_THAT(message_of([&] { RunWriter::create("/proc/none/run", sample_header()); }),
              HasSubstr("input: "));
  RunWriter::check_creatable(path_);
  EXPECT_EQ(entries(directory_.path()), before);
}

TEST_F(RunWriterTest, an_index_is_never_built_over_a_file_that_changed) {
  make_sample();
  flip_byte(path_ / "metrics" / "000001-000005.h5", 2000);
  EXPECT_THAT(message_of([&] { RunWriter::attach(path_).publish_index(); }),
              HasSubstr("metrics/000001-000005.h5' is damaged"));
}

TEST_F(RunWriterTest, a_checkpoint_appears_when_its_last_shard_is_there) {
  auto run = RunWriter::create(path_, sample_header());
  write_shard(run, {10, 1, 2, {1, 3}, false, true, false, true});
  EXPECT_THAT(run.checkpoints(), IsEmpty());
  write_shard(run, {10, 0, 2, {0, 2}, true, true, false, true});
  ASSERT_THAT(run.checkpoints(), SizeIs(1));
  EXPECT_FALSE(run.checkpoints()[0].after);
  EXPECT_THROW(write_shard(run, {10, 0, 2, {0, 2}, true, true, false, true}), Error);
}

TEST_F(RunWriterTest, an_uncommitted_checkpoint_leaves_nothing) {
  auto run = RunWriter::create(path_, sample_header());
  auto const before = entries(path_);
  {
    CheckpointWriter writer(run, {4, 0, 1, {0, 1}, false, true, false, true});
    std::vector<float> const row(kParameters), buffers(kBuffers);
    writer.write(RowKind::before, 1, row, buffers);
    EXPECT_THROW(writer.write(RowKind::before, 2, row, buffers), Error);
    EXPECT_THROW(writer.write(RowKind::after, 1, row, buffers), Error);
    EXPECT_THROW(writer.commit(), Error);
  }
  fs::remove(path_ / "checkpoints");
  EXPECT_EQ(entries(path_), before);
}

TEST_F(RunWriterTest, pending_rows_are_seen_by_other_processes_until_discarded) {
  auto run = RunWriter::create(path_, sample_header());
  auto const index = checksum_file(path_ / "run.h5");
  write_shard(run, {7, 0, 2, {0, 2}, true, true, false, false});
  write_shard(run, {7, 1, 2, {1, 3}, false, true, false, false});
  EXPECT_EQ(checksum_file(path_ / "run.h5"), index);
  EXPECT_EQ(exit_code_of([&] {
              auto const other = Run::attach(path_);
              std::vector<float> row(kParameters), buffers(kBuffers);
              other.read(7, RowKind::before, 3, row, buffers);
              auto const all = other.checkpoints();
              return all.size() == 1 && !all[0].kept &&
                             row == sample_row(7, RowKind::before, 3, kParameters)
                         ? 0
                         : 1;
            }),
            0);
  run.discard(7);
  EXPECT_THAT(run.checkpoints(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(path_ / "state" / "pending"));
}

TEST_F(RunWriterTest, many_segments_are_merged_and_stay_ordered) {
  auto run = RunWriter::create(path_, sample_header());
  for (std::int64_t i = 0; i < 270; ++i) {
    auto const round = 1 + (i * 7) % 270;  // as several analysis ranks would finish
    run.write_analysis("insitu", sample_analysis({round}));
  }
  auto const again = Run::open(path_);
  auto const barriers = again.analysis<BarrierRecord>("insitu");
  ASSERT_EQ(barriers.size(), 270u);
  for (std::int64_t i = 0; i < 270; ++i)
    EXPECT_EQ(barriers[static_cast<std::size_t>(i)].round, i + 1);
  auto const files = hdf5::File::open(path_ / "run.h5").read_table<FileRecord>("/files");
  EXPECT_LT(files.size(), 16u);  // header, and less than four of each level
  auto const points =
      hdf5::File::open(path_ / "run.h5").read_table<PointRecord>("/barriers/insitu/points");
  ASSERT_EQ(points.size(), 540u);
  for (std::size_t i = 0; i < 540; ++i) {
    EXPECT_EQ(points[i].round, static_cast<std::int64_t>(i / 2 + 1));
    EXPECT_EQ(points[i].alpha, static_cast<double>(i % 2));
  }
  EXPECT_THROW(run.write_analysis("insitu", sample_analysis({17})), Error);
}

// Whoever opened the index before goes on seeing whole tables for a while.
TEST_F(RunWriterTest, at_the_end_small_segments_become_one) {
  make_sample();
  auto const before = hdf5::File::open(path_ / "run.h5");
  auto run = RunWriter::open(path_);
  run.merge_segments();
  auto const rows = [](hdf5::File const& index) {
    std::vector<std::int64_t> rounds;
    for (auto const& record : index.read_table<RoundRecord>("/metrics/rounds"))
      rounds.push_back(record.round);
    return rounds;
  };
  std::vector<std::int64_t> const all{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EXPECT_EQ(rows(before), all);
  EXPECT_EQ(rows(hdf5::File::open(path_ / "run.h5")), all);
  auto const in = [&](char const* directory) { return list_files(path_ / directory, ".h5"); };
  EXPECT_THAT(in("metrics"), SizeIs(4));
  auto const merged = path_ / "metrics" / "000000-000010-merged1.h5";
  fs::last_write_time(merged, fs::file_time_type::clock::now() - std::chrono::minutes(2));
  run.publish_index();
  EXPECT_THAT(in("metrics"), testing::ElementsAre("000000-000010-merged1.h5"));
  EXPECT_THAT(in("barriers/insitu"), SizeIs(3));  // not yet
  EXPECT_THAT(verify_run(path_), IsEmpty());
  run.write_metrics(sample_metrics(11, 12));
  run.merge_segments();
  EXPECT_EQ(Run::open(path_).metrics<RoundRecord>().size(), 13u);
}

TEST_F(RunWriterTest, analyses_have_names_of_their_own) {
  make_sample();
  auto const run = RunWriter::open(path_);
  EXPECT_THAT(message_of([&] { run.check_analysis_name("insitu"); }), HasSubstr("--name"));
  EXPECT_THAT(message_of([&] { run.check_analysis_name("../x"); }), HasSubstr("input: "));
  run.check_analysis_name("posthoc");
}

TEST_F(RunWriterTest, a_living_simulation_keeps_others_out) {
  auto run = RunWriter::create(path_, sample_header());
  EXPECT_TRUE(is_alive(path_ / "state" / "simulation"));
  fs::remove(path_ / "run.h5");  // even where no index tells of a run
  fs::remove(path_ / "run.h5.sum");
  EXPECT_EQ(exit_code_of([&] {
              auto const message = message_of([&] { RunWriter::create(path_, sample_header()); });
              return message.find("in use by a simulation: process " +
                                  std::to_string(::getppid())) != std::string::npos
                         ? 0
                         : 1;
            }),
            0);
}

TEST_F(RunWriterTest, a_dead_holder_is_superseded_and_cannot_commit_any_more) {
  auto run = RunWriter::create(path_, sample_header());
  auto const holder = path_ / "state" / "simulation";
  EXPECT_EQ(read_holder(holder).generation, 1);
  // What a start after this one records.
  write_text(holder.string() + ".holder", "host=x\npid=1\njob=77\ngeneration=2\n");
  EXPECT_THAT(message_of([&] { run.write_metrics(sample_metrics(0, 0)); }),
              HasSubstr("taken over by process 1 on x (job 77)"));
  EXPECT_THAT(message_of([&] {
                write_shard(run, {0, 0, 1, {}, true, false, false, true});
              }),
              HasSubstr("newer generation"));
  EXPECT_EQ(run.metrics<RoundRecord>().size(), 0u);
}

TEST_F(RunWriterTest, a_run_that_was_moved_away_is_not_made_again) {
  {
    auto run = RunWriter::create(path_, sample_header());
    run.write_metrics(sample_metrics(0, 0));
    fs::rename(path_, path_.string() + "-moved");
    std::vector<std::function<void()>> const writes = {
        [&] { run.write_metrics(sample_metrics(1, 1)); },
        [&] { run.write_analysis("insitu", sample_analysis({1})); },
        [&] { run.write_analysis_config("insitu", ""); },
        [&] {
          write_shard(run, {0, 0, 1, {}, true, false, false, true});
        },
        [&] { run.publish_index(); },
        [&] { run.mark_done(0); }};
    for (auto const& write : writes) {
      EXPECT_THAT(message_of(write), HasSubstr("the run was moved or removed while it was alive"));
      EXPECT_FALSE(fs::exists(path_));
    }
  }
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_EQ(Run::open(path_.string() + "-moved").metrics<RoundRecord>().size(), 1u);
}

// A limit on the size of files makes writes fail in the middle as a full disk does.
TEST_F(RunWriterTest, a_full_disk_is_one_sentence_and_harms_nothing) {
  auto header = sample_header();
  header.table.parameter_count = 200'000;
  EXPECT_EQ(exit_code_of([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              auto run = RunWriter::create(path_, header);
              run.write_metrics(sample_metrics(0, 0));
              rlimit const limit{300'000, 300'000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              auto const checkpoint = message_of([&] {
                CheckpointWriter writer(run, {1, 0, 1, {}, true, false, false, true});
                writer.write(RowKind::global, 0, std::vector<float>(200'000),
                             std::vector<float>(kBuffers));
                writer.commit();
              });
              auto const metrics = message_of([&] { run.write_metrics(sample_metrics(1, 5000)); });
              for (auto const& message : {checkpoint, metrics})
                if (message.find("cannot write to run '" + path_.string()) != 0 ||
                    message.find("File too large") == std::string::npos ||
                    message.find('\n') != std::string::npos) {
                  std::fprintf(stderr, "%s\n", message.c_str());
                  return 1;
                }
              return 0;
            }),
            0);
  for (auto const& name : entries(path_)) EXPECT_THAT(name, testing::Not(HasSubstr(".tmp-")));
  EXPECT_THAT(verify_run(path_), IsEmpty());
  EXPECT_EQ(Run::open(path_).metrics<RoundRecord>().size(), 1u);
}

TEST_F(RunWriterTest, temporary_files_of_a_killed_run_are_ignored) {
  EXPECT_EQ(exit_code_of([&] {
              auto run = RunWriter::create(path_, sample_header());
              write_sample_run(run);
              CheckpointWriter writer(run, {20, 0, 1, {1}, false, true, false, true});
              return ::raise(SIGKILL);
            }),
            128 + SIGKILL);
  EXPECT_THAT(entries(path_ / "checkpoints"), testing::Contains(HasSubstr(".tmp-")));
  EXPECT_THAT(verify_run(path_), IsEmpty());
  auto run = RunWriter::open(path_);
  run.publish_index();
  EXPECT_THAT(run.checkpoints(), SizeIs(3));
}

}  // namespace
}  // namespace fedstrata
