#include "server/analysis/journal.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

class Journal : public testing::Test {
 protected:
  TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "state/analysis-x.journal";

  void write_three() const {
    AnalysisJournal journal(file, false);
    journal.append({5, 0, 0}, {1.0, 2.0});
    journal.append({5, 0, 7}, {});
    journal.append({5, 1, 0}, {3.0});
  }
};

TEST_F(Journal, gives_back_what_was_appended) {
  write_three();
  AnalysisJournal const journal(file, true);
  ASSERT_NE(journal.find({5, 0, 0}), nullptr);
  EXPECT_EQ(*journal.find({5, 0, 0}), (std::vector{1.0, 2.0}));
  EXPECT_TRUE(journal.find({5, 0, 7})->empty());
  EXPECT_EQ(journal.find({6, 0, 0}), nullptr);
}

TEST_F(Journal, begins_anew_unless_told_to_go_on) {
  write_three();
  EXPECT_EQ(AnalysisJournal(file, false).find({5, 0, 0}), nullptr);
}

TEST_F(Journal, a_record_that_is_cut_off_is_ignored_and_overwritten) {
  write_three();
  auto const whole = std::filesystem::file_size(file);
  for (auto const size : {whole - 1, whole - 10, whole - 40}) {
    write_three();
    std::filesystem::resize_file(file, size);
    {
      AnalysisJournal journal(file, true);
      EXPECT_NE(journal.find({5, 0, 0}), nullptr);
      EXPECT_EQ(journal.find({5, 1, 0}), nullptr);
      journal.append({5, 1, 0}, {4.0});
    }
    AnalysisJournal const again(file, true);
    EXPECT_EQ(*again.find({5, 1, 0}), std::vector{4.0});
  }
}

TEST_F(Journal, a_damaged_record_ends_what_is_read) {
  write_three();
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(4 * 8 + 2);
  bytes.put('x');
  bytes.close();
  EXPECT_EQ(AnalysisJournal(file, true).find({5, 0, 0}), nullptr);
}

TEST_F(Journal, is_gone_when_the_analysis_is_done) {
  write_three();
  AnalysisJournal journal(file, true);
  journal.forget(5);
  EXPECT_EQ(journal.find({5, 0, 0}), nullptr);
  journal.remove();
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace fedstrata
