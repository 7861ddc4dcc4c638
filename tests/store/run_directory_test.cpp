#include "common/store/run_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>

#include "common/base/checksum.hpp"
#include "common/base/child_process.hpp"
#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/store/file_lock.hpp"
#include "tests/support/sample_run.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string message_of(std::function<void()> const& work) {
  try {
    work();
  } catch (InputError const& error) {
    return std::string("input: ") + error.what();
  } catch (std::exception const& error) {
    return error.what();
  }
  return "no error";
}

std::vector<std::string> entries(fs::path const& directory) {
  std::vector<std::string> names;
  for (auto const& entry : fs::recursive_directory_iterator(directory))
    names.push_back(entry.path().lexically_relative(directory).string());
  return names;
}

void flip_byte(fs::path const& path, std::int64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  auto const byte = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(byte);
}

// Runs `work` in a process of its own; its exit code, or 128 + signal.
int in_child(std::function<int()> const& work) {
  auto const child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int python(std::string const& arguments) {
  auto const command =
      "/usr/bin/python3 " FEDSTRATA_SOURCE_DIR "/tests/store/h5py_reads_run.py " + arguments;
  return WEXITSTATUS(std::system(command.c_str()));
}

bool have_h5py() { return std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0; }

class RunDirectoryTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  fs::path const path_ = directory_.path() / "runs" / "a";

  void make_sample() {
    auto run = RunDirectory::create(path_, sample_header());
    write_sample_run(run);
  }
  std::string open_message() const {
    return message_of([&] { RunDirectory::open(path_); });
  }
};

TEST_F(RunDirectoryTest, what_was_written_is_read) {
  make_sample();
  auto const run = RunDirectory::open(path_);
  EXPECT_EQ(run.header().config_text, "[run]\nseed = 3\n");
  EXPECT_EQ(run.header().table.layers[1].buffers, (Slice{0, 2}));
  EXPECT_EQ(run.header().table.parameters[0].shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(run.header().partition.indices, sample_header().partition.indices);
  EXPECT_EQ(run.header().dataset.std, std::vector<double>{0.25});
  auto const rounds = run.round_records();
  ASSERT_EQ(rounds.size(), 11u);
  for (std::size_t i = 0; i < rounds.size(); ++i)
    EXPECT_EQ(rounds[i].round, static_cast<std::int64_t>(i));
  auto const barriers = run.barrier_records("insitu");
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
  EXPECT_THAT(RunDirectory::verify(path_), IsEmpty());
}

TEST_F(RunDirectoryTest, h5py_reads_it_from_anywhere_moved_and_packed) {
  if (!have_h5py()) GTEST_SKIP() << "no h5py for /usr/bin/python3";
  make_sample();
  EXPECT_EQ(python(path_.string()), 0);
  auto const moved = directory_.path() / "moved";
  fs::rename(path_, moved);
  EXPECT_EQ(python(moved.string()), 0);
  auto const packed = directory_.path() / "packed.h5";
  RunDirectory::pack(moved, packed);
  EXPECT_THAT(message_of([&] { RunDirectory::pack(moved, packed); }), HasSubstr("--pack"));
  fs::remove_all(moved);
  EXPECT_EQ(python(packed.string()), 0);
}

TEST_F(RunDirectoryTest, the_index_is_a_function_of_the_files) {
  make_sample();
  auto const before = checksum_file(path_ / "run.h5");
  for (auto const& lose : std::vector<std::function<void()>>{
           [&] { fs::remove(path_ / "run.h5"); }, [&] { fs::remove(path_ / "run.h5.sum"); },
           [&] { flip_byte(path_ / "run.h5", 3000); }}) {
    lose();
    RunDirectory::attach(path_).publish_index();
    EXPECT_EQ(checksum_file(path_ / "run.h5"), before);
  }
  EXPECT_THAT(RunDirectory::verify(path_), IsEmpty());
}

TEST_F(RunDirectoryTest, refuses_to_overwrite_and_leaves_things_as_they_were) {
  make_sample();
  auto const before = entries(path_);
  auto const message = message_of([&] { RunDirectory::create(path_, sample_header()); });
  EXPECT_THAT(message, HasSubstr("input: "));
  EXPECT_THAT(message, HasSubstr("--resume"));
  EXPECT_EQ(entries(path_), before);
  fs::create_directory(directory_.path() / "empty");
  RunDirectory::create(directory_.path() / "empty", sample_header());
}

TEST_F(RunDirectoryTest, refuses_impossible_places_and_makes_nothing) {
  std::ofstream(directory_.path() / "file") << "x";
  fs::create_directories(directory_.path() / "full" / "data");
  auto const before = entries(directory_.path());
  for (auto const* place : {"file", "file/run", "full"}) {
    auto const where = directory_.path() / place;
    auto const message = message_of([&] { RunDirectory::check_creatable(where); });
    EXPECT_THAT(message, HasSubstr("input: ")) << place;
    EXPECT_EQ(message_of([&] { RunDirectory::create(where, sample_header()); }), message);
  }
  auto const long_name = directory_.path() / std::string(300, 'x');
  EXPECT_THAT(message_of([&] { RunDirectory::create(long_name, sample_header()); }),
              HasSubstr("input: "));
  EXPECT_THAT(message_of([&] { RunDirectory::create("/proc/none/run", sample_header()); }),
              HasSubstr("input: "));
  RunDirectory::check_creatable(path_);
  EXPECT_EQ(entries(directory_.path()), before);
}

TEST_F(RunDirectoryTest, a_damaged_or_missing_file_is_named) {
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

TEST_F(RunDirectoryTest, an_index_is_never_built_over_a_file_that_changed) {
  make_sample();
  flip_byte(path_ / "metrics" / "000001-000005.h5", 2000);
  EXPECT_THAT(message_of([&] { RunDirectory::attach(path_).publish_index(); }),
              HasSubstr("metrics/000001-000005.h5' is damaged"));
}

TEST_F(RunDirectoryTest, an_index_is_rebuilt_over_sound_files_alone) {
  make_sample();
  auto const before = checksum_file(path_ / "run.h5");
  auto const rebuild = [&] { return message_of([&] { RunDirectory::rebuild_index(path_); }); };
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
TEST_F(RunDirectoryTest, contents_that_no_run_has_are_refused) {
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
    auto const attached = message_of([&] { RunDirectory::attach(path_); });
    EXPECT_THAT(attached, HasSubstr("header.h5' is not as fedstrata writes it")) << change;
    auto const rebuilt = message_of([&] { RunDirectory::rebuild_index(path_); });
    EXPECT_THAT(rebuilt, testing::AllOf(HasSubstr("input: "), HasSubstr("header.h5"))) << change;
  }
}

TEST(ChildProcessTest, what_happens_there_stays_there) {
  auto const child = [](auto work) { return message_of([&] { fedstrata::in_child(work, 2); }); };
  EXPECT_EQ(child([] {}), "no error");
  EXPECT_EQ(child([] { throw Error("a sentence"); }), "a sentence");
  EXPECT_THAT(child([] { ::raise(SIGSEGV); }), HasSubstr("Segmentation fault"));
  EXPECT_THAT(child([] { std::abort(); }), HasSubstr("Aborted"));
  EXPECT_THAT(child([] { ::_exit(3); }), HasSubstr("crash"));
  EXPECT_EQ(child([] {
              for (;;) ::pause();
            }),
            "it takes more than 2 s");
}

TEST_F(RunDirectoryTest, says_what_is_not_a_run_or_too_new) {
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

TEST_F(RunDirectoryTest, a_checkpoint_appears_when_its_last_shard_is_there) {
  auto run = RunDirectory::create(path_, sample_header());
  write_shard(run, {10, 1, 2, {1, 3}, false, true, false, true});
  EXPECT_THAT(run.checkpoints(), IsEmpty());
  write_shard(run, {10, 0, 2, {0, 2}, true, true, false, true});
  ASSERT_THAT(run.checkpoints(), SizeIs(1));
  EXPECT_FALSE(run.checkpoints()[0].after);
  EXPECT_THROW(write_shard(run, {10, 0, 2, {0, 2}, true, true, false, true}), Error);
}

TEST_F(RunDirectoryTest, an_uncommitted_checkpoint_leaves_nothing) {
  auto run = RunDirectory::create(path_, sample_header());
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

TEST_F(RunDirectoryTest, pending_rows_are_seen_by_other_processes_until_discarded) {
  auto run = RunDirectory::create(path_, sample_header());
  auto const index = checksum_file(path_ / "run.h5");
  write_shard(run, {7, 0, 2, {0, 2}, true, true, false, false});
  write_shard(run, {7, 1, 2, {1, 3}, false, true, false, false});
  EXPECT_EQ(checksum_file(path_ / "run.h5"), index);
  EXPECT_EQ(in_child([&] {
              auto const other = RunDirectory::attach(path_);
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

TEST_F(RunDirectoryTest, many_segments_are_merged_and_stay_ordered) {
  auto run = RunDirectory::create(path_, sample_header());
  for (std::int64_t i = 0; i < 270; ++i) {
    auto const round = 1 + (i * 7) % 270;  // as several analysis ranks would finish
    run.write_analysis("insitu", sample_analysis({round}));
  }
  auto const again = RunDirectory::open(path_);
  auto const barriers = again.barrier_records("insitu");
  ASSERT_EQ(barriers.size(), 270u);
  for (std::int64_t i = 0; i < 270; ++i)
    EXPECT_EQ(barriers[static_cast<std::size_t>(i)].round, i + 1);
  auto const files = hdf5::File::open(path_ / "run.h5").read_table<FileRecord>("/files");
  EXPECT_LT(files.size(), 40u);
  auto const points =
      hdf5::File::open(path_ / "run.h5").read_table<PointRecord>("/barriers/insitu/points");
  ASSERT_EQ(points.size(), 540u);
  for (std::size_t i = 0; i < 540; ++i) {
    EXPECT_EQ(points[i].round, static_cast<std::int64_t>(i / 2 + 1));
    EXPECT_EQ(points[i].alpha, static_cast<double>(i % 2));
  }
  EXPECT_THROW(run.write_analysis("insitu", sample_analysis({17})), Error);
}

TEST_F(RunDirectoryTest, analyses_have_names_of_their_own) {
  make_sample();
  auto const run = RunDirectory::open(path_);
  EXPECT_THAT(message_of([&] { run.check_analysis_name("insitu"); }), HasSubstr("--name"));
  EXPECT_THAT(message_of([&] { run.check_analysis_name("../x"); }), HasSubstr("input: "));
  run.check_analysis_name("posthoc");
}

TEST_F(RunDirectoryTest, a_living_simulation_keeps_others_out) {
  auto run = RunDirectory::create(path_, sample_header());
  EXPECT_TRUE(is_alive(path_ / "state" / "simulation"));
  fs::remove(path_ / "run.h5");  // even where no index tells of a run
  fs::remove(path_ / "run.h5.sum");
  EXPECT_EQ(
      in_child([&] {
        auto const message = message_of([&] { RunDirectory::create(path_, sample_header()); });
        return message.find("in use by a simulation: process " + std::to_string(::getppid())) !=
                       std::string::npos
                   ? 0
                   : 1;
      }),
      0);
}

TEST_F(RunDirectoryTest, a_dead_holder_is_superseded_and_cannot_commit_any_more) {
  auto run = RunDirectory::create(path_, sample_header());
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
  EXPECT_EQ(run.round_records().size(), 0u);
}

TEST_F(RunDirectoryTest, generations_grow_over_dead_holders) {
  auto const holder = directory_.path() / "simulation";
  EXPECT_EQ(in_child([&] {
              auto const lock = SimulationLock::take(holder);
              return lock.generation() == 1 && is_alive(holder) ? ::raise(SIGKILL) : 1;
            }),
            128 + SIGKILL);
  EXPECT_FALSE(is_alive(holder));
  auto const lock = SimulationLock::take(holder);
  EXPECT_EQ(lock.generation(), 2);
}

TEST_F(RunDirectoryTest, a_job_that_starts_again_supersedes_itself) {
  auto const holder = directory_.path() / "simulation";
  write_text(holder.string() + ".lock", "");  // a heartbeat just now
  write_text(holder.string() + ".holder", "host=x\npid=1\njob=77\nrestarts=1\ngeneration=4\n");
  auto const alive = [&](char const* job, char const* restarts) {
    ::setenv("SLURM_JOB_ID", job, 1);
    ::setenv("SLURM_RESTART_COUNT", restarts, 1);
    return is_alive(holder);
  };
  EXPECT_TRUE(alive("77", "1"));
  EXPECT_TRUE(alive("78", "2"));
  EXPECT_FALSE(alive("77", "2"));
  EXPECT_EQ(SimulationLock::take(holder).generation(), 5);
  EXPECT_EQ(read_holder(holder).restarts, 2);
  ::unsetenv("SLURM_JOB_ID");
  ::unsetenv("SLURM_RESTART_COUNT");
}

// A limit on the size of files makes writes fail in the middle as a full disk does.
TEST_F(RunDirectoryTest, a_full_disk_is_one_sentence_and_harms_nothing) {
  auto header = sample_header();
  header.table.parameter_count = 200'000;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              auto run = RunDirectory::create(path_, header);
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
  EXPECT_THAT(RunDirectory::verify(path_), IsEmpty());
  EXPECT_EQ(RunDirectory::open(path_).round_records().size(), 1u);
}

TEST_F(RunDirectoryTest, temporary_files_of_a_killed_run_are_ignored) {
  EXPECT_EQ(in_child([&] {
              auto run = RunDirectory::create(path_, sample_header());
              write_sample_run(run);
              CheckpointWriter writer(run, {20, 0, 1, {1}, false, true, false, true});
              return ::raise(SIGKILL);
            }),
            128 + SIGKILL);
  EXPECT_THAT(entries(path_ / "checkpoints"), testing::Contains(HasSubstr(".tmp-")));
  EXPECT_THAT(RunDirectory::verify(path_), IsEmpty());
  auto run = RunDirectory::open(path_);
  run.publish_index();
  EXPECT_THAT(run.checkpoints(), SizeIs(3));
}

// Three processes publish at once: metrics, and two shards of each checkpoint with analyses.
TEST_F(RunDirectoryTest, readers_see_a_whole_run_at_any_moment) {
  constexpr std::int64_t kRounds = 25;
  auto run = RunDirectory::create(path_, sample_header());
  std::vector<pid_t> children;
  auto const start = [&](auto work) {
    auto const child = ::fork();
    if (child == 0) ::_exit(message_of(work) == "no error" ? 0 : 1);
    children.push_back(child);
  };
  for (int shard : {0, 1})
    start([&, shard] {
      auto other = RunDirectory::attach(path_);
      for (std::int64_t round = 1; round <= kRounds; ++round) {
        auto const clients =
            shard == 0 ? std::vector<std::int64_t>{0, 2, 4} : std::vector<std::int64_t>{1, 3};
        write_shard(other, {round, shard, 2, clients, shard == 0, true, false, true});
        if (round % 2 == shard) other.write_analysis("insitu", sample_analysis({round}));
      }
    });
  start([&] {
    for (int i = 0; i < 30; ++i) {
      auto const reader = RunDirectory::open(path_);
      auto const rounds = reader.round_records();
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
  auto const whole = RunDirectory::open(path_);
  EXPECT_THAT(whole.checkpoints(), SizeIs(kRounds));
  EXPECT_THAT(whole.barrier_records("insitu"), SizeIs(kRounds));
  EXPECT_THAT(whole.round_records(), SizeIs(kRounds + 1));
}

}  // namespace
}  // namespace fedstrata
