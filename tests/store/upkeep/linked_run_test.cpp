#include "common/store/upkeep/linked_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/store/upkeep/maintenance.hpp"
#include "tests/support/run_fixture.hpp"

namespace fedstrata {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class LinkedRunTest : public RunTest {
 protected:
  fs::path const packed_ = directory_.path() / "packed.h5";
  fs::path const beside_ = directory_.path() / "beside";

  /// Has left out round 7, whose pairs were skipped.
  void make_run() {
    make_sample();
    AnalysisSegment skipped;
    skipped.rounds = {7};
    skipped.placeholder = true;
    SkippedRecord record;
    record.round = 7;
    skipped.add(record);
    RunWriter::open(path_).write_analysis("insitu", skipped);
    pack_run(path_, packed_);
  }
  void expect_same(fedstrata::Run const& run) const {
    auto const source = fedstrata::Run::open(path_);
    EXPECT_THAT(verify_run(beside_), IsEmpty());
    EXPECT_EQ(run.complete(), source.complete());
    EXPECT_EQ(run.header().config_text, source.header().config_text);
    EXPECT_EQ(run.metrics<ClientRecord>().size(), source.metrics<ClientRecord>().size());
    EXPECT_EQ(run.analysed_rounds("insitu"), source.analysed_rounds("insitu"));
    EXPECT_EQ(run.analysis<SkippedRecord>("insitu").size(), 1u);
    EXPECT_EQ(run.analysis_config("insitu"), source.analysis_config("insitu"));
    ASSERT_EQ(run.checkpoints().size(), 3u);
    for (auto const client : {0, 1, 3, 4}) {
      std::vector<float> row(kParameters), buffers(kBuffers);
      run.read(10, RowKind::after, client, row, buffers);
      EXPECT_EQ(row, sample_row(10, RowKind::after, client, kParameters));
      EXPECT_EQ(buffers, sample_row(10, RowKind::after, client, kBuffers));
    }
  }
};

TEST_F(LinkedRunTest, of_a_run_or_a_packed_file_has_the_same_in_it) {
  make_run();
  for (auto const& source : {path_, packed_}) {
    make_linked_run(source, beside_);
    EXPECT_EQ(models_of(beside_), source);
    expect_same(fedstrata::Run::open(beside_));
    auto run = RunWriter::open(beside_);
    run.write_analysis("insitu", sample_analysis({7}));  // takes the placeholder's place
    EXPECT_EQ(run.analysed_rounds("insitu"), (std::vector<std::int64_t>{5, 7, 10}));
    fs::remove_all(beside_);
  }
  EXPECT_EQ(models_of(path_), "");
}

TEST_F(LinkedRunTest, one_of_one_leads_to_the_models_themselves) {
  make_run();
  make_linked_run(packed_, beside_);
  auto const second = directory_.path() / "second";
  make_linked_run(beside_, second);
  EXPECT_EQ(models_of(second), packed_);
}

TEST_F(LinkedRunTest, what_is_wrong_is_told_and_leaves_nothing) {
  make_run();
  auto const wrong = [&](fs::path const& source) {
    auto const message = message_of([&] { make_linked_run(source, beside_); });
    EXPECT_FALSE(fs::exists(beside_));
    return message;
  };
  EXPECT_THAT(wrong(directory_.path() / "none"), HasSubstr("input: "));
  EXPECT_THAT(wrong(path_ / "DONE"), HasSubstr("nor one that inspect --pack made"));
  EXPECT_THAT(wrong(path_ / "header.h5"), HasSubstr("nor one that inspect --pack made"));
  flip_byte(path_ / "checkpoints" / "000005.h5", 2000);
  EXPECT_THAT(wrong(path_), HasSubstr("000005.h5' is damaged"));
  make_linked_run(packed_, beside_);
  fs::remove(packed_);
  EXPECT_THAT(message_of([&] { fedstrata::Run::open(beside_); }),
              HasSubstr("is not there any more"));
}

}  // namespace
}  // namespace fedstrata
