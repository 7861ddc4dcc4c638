#include "common/store/upkeep/cleaning.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "common/base/files.hpp"
#include "common/store/rows/resume_files.hpp"
#include "common/store/upkeep/maintenance.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CleaningTest : public RunTest {
 protected:
  void write_state(std::int64_t round) const {
    RowFileWriter writer(flat_rows(), path_ / "state" / "resume",
                         {round, 0, 1, {}, {{kGlobalRow, 5, false}}});
    writer.write(kGlobalRow, std::vector<float>(5));
    writer.publish();
  }
  std::vector<std::string> cleaned() const {
    std::vector<std::string> names;
    for (auto const& file : clean_run(path_)) names.push_back(file.name);
    return names;
  }
  void expect_whole() const {
    EXPECT_THAT(verify_run(path_), IsEmpty());
    EXPECT_EQ(open_message(), "no error");
  }
};

TEST_F(CleaningTest, what_a_kill_left_goes_and_nothing_else) {
  make_sample();
  EXPECT_THAT(clean_run(path_), IsEmpty());
  fs::copy_file(path_ / "header.h5", path_ / "header-000002.h5");  // of a later start
  RunWriter::attach(path_).publish_index();
  EXPECT_THAT(cleaned(), testing::ElementsAre("header.h5"));
  auto const before = entries(path_);
  for (auto const round : {6, 8, 10}) write_state(round);
  EXPECT_EQ(exit_code_of([&] {
              auto run = RunWriter::attach(path_);
              write_shard(run, {20, 1, 2, {1}, false, true, false, true});
              write_shard(run, {20, 0, 1, {1}, false, true, false, false});
              CheckpointWriter writer(run, {21, 0, 1, {1}, false, true, false, true});
              return ::raise(SIGKILL);
            }),
            128 + SIGKILL);
  write_text(path_ / "state" / "analysis-gone.journal", "units");
  write_text(path_ / "state" / "analysis-insitu.journal", "units");
  auto const names = cleaned();
  for (auto const* part :
       {"state/resume/000006.state", "state/resume/000010.state", "checkpoints/000020-1of2.h5",
        "state/pending/000020.h5", "checkpoints/.tmp-", "state/analysis-gone.journal"})
    EXPECT_THAT(names, Contains(HasSubstr(part)));
  auto left = entries(path_);
  for (auto const& name : before) EXPECT_THAT(left, Contains(name));
  std::erase_if(left, [&](auto const& name) { return std::ranges::count(before, name) > 0; });
  EXPECT_THAT(left, testing::UnorderedElementsAre("state/resume", "state/pending",
                                                  "state/analysis-insitu.journal"));
  expect_whole();
}

TEST_F(CleaningTest, an_incomplete_run_keeps_what_it_needs_to_go_on) {
  make_sample();
  fs::remove(path_ / "DONE");
  for (auto const round : {6, 8, 10}) write_state(round);
  auto run = RunWriter::attach(path_);
  write_shard(run, {20, 0, 1, {1}, false, true, false, false});
  run.publish_index();
  EXPECT_THAT(cleaned(), testing::ElementsAre("state/resume/000006.state"));
  write_text(path_ / "DONE", "");
  tidy_run(path_);
  EXPECT_FALSE(has_resume_state(path_ / "state" / "resume"));
  EXPECT_TRUE(fs::is_empty(path_ / "state" / "pending"));
}

TEST_F(CleaningTest, refused_while_the_run_is_alive_or_damaged) {
  auto run = RunWriter::create(path_, sample_header());
  write_sample_run(run);
  auto const before = entries(path_);
  for (auto const& work : std::vector<std::function<void()>>{
           [&] { clean_run(path_); }, [&] { remove_analysis(path_, "insitu"); }}) {
    EXPECT_EQ(exit_code_of([&] {
                return message_of(work).find("in use by a simulation") != std::string::npos ? 0 : 1;
              }),
              0);
  }
  EXPECT_EQ(entries(path_), before);
}

TEST_F(CleaningTest, an_analysis_is_removed_and_can_be_made_again) {
  make_sample();
  auto const message = message_of([&] { remove_analysis(path_, "other"); });
  EXPECT_THAT(message, AllOf(HasSubstr("input: "), HasSubstr("'other' (it has: insitu)")));
  EXPECT_THAT(message_of([&] { remove_analysis(path_, "../checkpoints"); }), HasSubstr("input: "));
  EXPECT_EQ(remove_analysis(path_, "insitu").size(), 3u);
  EXPECT_FALSE(fs::exists(path_ / "barriers" / "insitu"));
  expect_whole();
  EXPECT_THAT(Run::open(path_).analysis_names(), IsEmpty());
  auto run = RunWriter::open(path_);
  run.check_analysis_name("insitu");
  run.write_analysis_config("insitu", "[analysis]\n");
  run.write_analysis("insitu", sample_analysis({5}));
  EXPECT_EQ(Run::open(path_).analysis<BarrierRecord>("insitu").size(), 1u);
}

TEST_F(CleaningTest, a_kill_while_an_analysis_is_removed_leaves_a_whole_run) {
  for (bool const published : {false, true}) {
    for (bool const again : {false, true}) {
      fs::remove_all(path_);
      make_sample();
      auto const analysis = path_ / "barriers" / "insitu";
      write_text(analysis / "REMOVED", "");
      if (published) {
        RunWriter::attach(path_).publish_index();
        fs::remove(analysis / "config.ini");
      }
      expect_whole();
      if (again) {
        remove_analysis(path_, "insitu");
      } else {
        clean_run(path_);
      }
      EXPECT_FALSE(fs::exists(analysis));
      expect_whole();
    }
  }
}

TEST_F(CleaningTest, what_a_kill_left_of_an_analysis_does_not_hinder_a_new_one) {
  make_sample();
  write_text(path_ / "barriers" / "insitu" / "REMOVED", "");
  auto run = RunWriter::attach(path_);
  run.publish_index();
  run.check_analysis_name("insitu");
  run.write_analysis_config("insitu", "[analysis]\n");
  run.write_analysis("insitu", sample_analysis({10}));
  EXPECT_EQ(Run::open(path_).analysis<BarrierRecord>("insitu").size(), 1u);
}

TEST_F(CleaningTest, a_lost_directory_of_an_analysis_is_told_with_the_remedy) {
  for (bool const rebuild : {false, true}) {
    fs::remove_all(path_);
    make_sample();
    fs::remove_all(path_ / "barriers" / "insitu");
    EXPECT_THAT(open_message(),
                AllOf(HasSubstr("is missing"),
                      HasSubstr("fedstrata inspect " + path_.string() + " --remove insitu")));
    if (rebuild) {
      rebuild_index(path_);
    } else {
      remove_analysis(path_, "insitu");
    }
    expect_whole();
  }
}

}  // namespace
}  // namespace fedstrata
