#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "experiments/sweep/column_table.hpp"
#include "experiments/sweep/directory.hpp"
#include "experiments/view/barrier_summary.hpp"
#include "experiments/view/run_progress.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;

void write(fs::path const& path, std::string const& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(ColumnTableTest, has_columns_of_fitting_types_in_csv_and_hdf5) {
  TemporaryDirectory const directory;
  ColumnTable table;
  auto const whole = table.add_fitting("whole", {"1", "2"});
  auto const number = table.add_fitting("number", {"1", "0.5"});
  auto const text = table.add_fitting("text", {"all", "first:2,head"});
  for (auto const* values : {"1", "2"}) {
    table.put_text(whole, values);
    table.put_text(number, values == std::string("1") ? "0.5" : "");
    table.put_text(text, values == std::string("1") ? "first:2,head" : "say \"x\", y");
  }
  EXPECT_EQ(table.csv(), "whole,number,text\n1,0.5,\"first:2,head\"\n2,,\"say \"\"x\"\", y\"\n");
  auto file = hdf5::File::create(directory.path() / "t.h5");
  table.write(file, "/t");
  struct Row {
    std::int64_t whole;
    double number;
    std::array<char, 12> text;
  };
  std::vector<Field> const fields = {{"whole", offsetof(Row, whole), FieldType::int64, 8},
                                     {"number", offsetof(Row, number), FieldType::float64, 8},
                                     {"text", offsetof(Row, text), FieldType::text, 12}};
  std::vector<Row> rows(2);
  file.read_table("/t", {fields, sizeof(Row)}, 0, std::as_writable_bytes(std::span(rows)));
  EXPECT_EQ(rows[1].whole, 2);
  EXPECT_EQ(rows[0].number, 0.5);
  EXPECT_TRUE(std::isnan(rows[1].number));
  EXPECT_EQ(std::string(rows[0].text.begin(), rows[0].text.end()), "first:2,head");
}

TEST(BarrierSummaryTest, takes_medians_over_pairs_and_stored_means_of_draws) {
  std::vector<BarrierRecord> records;
  auto const add = [&](char const* kind, std::int64_t b, std::int64_t draw, double loss) {
    BarrierRecord record;
    record.round = 4;
    record.split = "test";
    record.kind = kind;
    record.target = "all";
    record.b = b;
    record.draw = draw;
    record.loss_mid = loss;
    record.loss_a = 1;
    record.loss_b = 3;
    records.push_back(record);
  };
  for (double const loss : {0.5, 0.1, 0.2}) add("full", 1, 0, loss);
  add("full", -2, 0, 9.0);
  for (std::int64_t const draw : {-1, 0, 1})
    add("random", 1, draw, 5.0 + static_cast<double>(draw));
  auto const rows = summarize(records);
  ASSERT_THAT(rows, SizeIs(3));
  EXPECT_EQ(rows[0].loss_mid, 0.2);
  EXPECT_EQ(rows[0].loss_mid_least, 0.1);
  EXPECT_EQ(rows[0].loss_mid_most, 0.5);
  EXPECT_EQ(rows[0].curves, 3);
  EXPECT_EQ(rows[0].partner, "clients");
  EXPECT_EQ(rows[0].loss_ends, 2.0);
  EXPECT_TRUE(std::isnan(rows[0].error_mid));
  EXPECT_EQ(rows[1].partner, "mean");
  EXPECT_EQ(rows[1].loss_ends, 1.0);
  EXPECT_EQ(rows[2].loss_mid, 4.0);
  EXPECT_EQ(rows[2].curves, 1);
}

TEST(RunProgressTest, adds_the_time_of_all_starts) {
  TemporaryDirectory const directory;
  EXPECT_EQ(read_progress(directory.path()).round, -1);
  write(directory.path() / "progress.csv",
        "round,seconds,train_loss,test_accuracy\n0,1.0,,0.1\n1,3.0,2.0,0.2\n"
        "2,1.5,1.0,\n3,2.5,0.5,0.4\nnonsense\n4,9.9,0.1,0.9");
  auto const progress = read_progress(directory.path());
  EXPECT_EQ(progress.round, 3);  // the last line is being written
  EXPECT_EQ(progress.seconds, 5.5);
  EXPECT_EQ(progress.rate, 1.0);
  EXPECT_EQ(progress.train_loss, 0.5);
  EXPECT_EQ(progress.test.accuracy, 0.4);
  write(directory.path() / "progress.csv",
        "round,seconds,test_accuracy,test_accuracy_after,test_accuracy_local_after\n"
        "0,1.0,0.1,\n1,3.0,0.2,0.7,0.93\n2,4.0,,,\n");
  // The clients' own, if known.
  EXPECT_EQ(read_progress(directory.path()).test.text(),
            "test accuracy 70.00 %, own labels 93.00 %");
}

TEST(SweepDirectoryTest, a_cell_stands_where_its_files_say) {
  TemporaryDirectory const directory;
  SweepDirectory const sweep(directory.path());
  auto const stage = [&](QueueView const& queue = {}) { return sweep.status("x", queue).stage; };
  EXPECT_EQ(stage(), CellStage::missing);
  EXPECT_EQ(stage({{"x", false}}), CellStage::queued);
  EXPECT_EQ(stage({{"x", true}}), CellStage::running);
  write(sweep.run("x") / "run.h5", "");
  EXPECT_EQ(stage(), CellStage::interrupted);
  write(sweep.exit("x"), "3\n");
  EXPECT_EQ(stage(), CellStage::interrupted);
  write(sweep.run("lost") / "DONE", "");
  EXPECT_EQ(sweep.status("lost", {}).stage, CellStage::failed);
  EXPECT_THAT(sweep.status("lost", {}).error,
              testing::HasSubstr("--rebuild-index " + sweep.run("lost").string()));
  write(sweep.exit("x"), "1\n");
  write(sweep.log("x"),
        "round 1\nfedstrata: warning: slow\nfedstrata (rank 2 on n1): client 3 diverged\n"
        "fedstrata: second\n----\nmpirun noticed\n");
  EXPECT_EQ(stage(), CellStage::failed);
  EXPECT_EQ(sweep.status("x", {}).error, "client 3 diverged");
  write(sweep.log("x"), "");
  write(sweep.exit("x"), "137\n");
  EXPECT_EQ(sweep.status("x", {}).error, "ended with exit code 137");
  EXPECT_EQ(stage({{"x", false}}), CellStage::queued);
  write(sweep.run("x") / "DONE", "");
  EXPECT_EQ(stage(), CellStage::done);
}

}  // namespace
}  // namespace fedstrata
