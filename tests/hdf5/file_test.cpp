#include "common/hdf5/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "common/store/series.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Hdf5Test : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::filesystem::path const path_ = directory_.path() / "a.h5";
};

TEST_F(Hdf5Test, attributes_round_trip) {
  auto file = hdf5::File::create(path_);
  std::vector<double> const numbers{0.25, -1e-300};
  file.make_group("/deep/er");
  file.set("/deep/er", "text", std::string("[run]\nseed = 1\n\xc3\xa9"));
  file.set("/deep/er", "empty", std::string());
  file.set("/", "integer", std::int64_t{-7});
  file.set("/", "numbers", std::span(numbers));
  file.close();
  auto const again = hdf5::File::open(path_);
  EXPECT_EQ(again.text("/deep/er", "text"), "[run]\nseed = 1\n\xc3\xa9");
  EXPECT_EQ(again.text("/deep/er", "empty"), "");
  EXPECT_EQ(again.integer("/", "integer"), -7);
  EXPECT_EQ(again.numbers("/", "numbers"), numbers);
  EXPECT_TRUE(again.has("/deep/er"));
  EXPECT_FALSE(again.has("/deep/est/er"));
  EXPECT_THROW(again.text("/", "absent"), Error);
}

TEST_F(Hdf5Test, an_attribute_of_several_values_is_not_read_as_one) {
  std::vector<double> const numbers(100, 1.0);
  auto file = hdf5::File::create(path_);
  file.set("/", "numbers", std::span(numbers));
  file.close();
  auto const again = hdf5::File::open(path_);
  EXPECT_THROW(again.integer("/", "numbers"), Error);
  EXPECT_THROW(again.text("/", "numbers"), Error);
}

TEST_F(Hdf5Test, a_table_is_not_read_past_its_end_nor_from_what_is_none) {
  auto file = hdf5::File::create(path_);
  file.write_table<LayerRecord>("/t", std::vector<LayerRecord>(3));
  file.write_integers("/matrix", std::vector<std::int64_t>{1, 2, 3, 4}, {2, 2});
  file.write_integers("/scalar", std::vector<std::int64_t>{1}, {});
  file.close();
  auto const again = hdf5::File::open(path_);
  std::vector<LayerRecord> rows(2);
  auto const bytes = std::as_writable_bytes(std::span(rows));
  EXPECT_THROW(again.read_table("/t", layout_of<LayerRecord>(), 2, bytes), Error);
  EXPECT_THROW(again.read_table<LayerRecord>("/matrix"), Error);
  EXPECT_THROW(again.read_table<LayerRecord>("/scalar"), Error);
  std::vector<float> row(1);
  EXPECT_THROW(again.read_row("/scalar", 0, row), Error);
  auto packed = hdf5::File::create(directory_.path() / "packed.h5");
  again.copy_to(packed, {});
  EXPECT_EQ(packed.read_integers("/scalar"), std::vector<std::int64_t>{1});
}

TEST_F(Hdf5Test, tables_round_trip_with_every_column) {
  BarrierRecord record;
  record.round = 12;
  record.kind = "layer";
  record.target = std::string(70, 'x');  // cut to the column's 64
  record.loss_swap = 0.5;
  record.samples = 99;
  auto file = hdf5::File::create(path_);
  file.write_table<BarrierRecord>("/t/barriers", std::vector{record, BarrierRecord{}});
  file.write_table<PointRecord>("/t/points", {});
  file.close();
  auto const again = hdf5::File::open(path_);
  auto const rows = again.read_table<BarrierRecord>("/t/barriers");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(std::memcmp(&rows[0], &record, sizeof record), 0);
  EXPECT_TRUE(std::isnan(rows[1].loss_mid));
  EXPECT_EQ(rows[1].rest, -1);
  EXPECT_EQ(again.shape("/t/points"), std::vector<std::int64_t>{0});
  EXPECT_THAT(again.names("/t"), ElementsAre("barriers", "points"));
}

TEST_F(Hdf5Test, every_member_of_a_record_is_a_column) {
  std::size_t bytes = 0;
  for (auto const& table : {MetricsTables::kinds(), AnalysisTables::kinds()})
    for (auto const& [name, layout] : table) {
      bytes = 0;
      for (auto const& field : layout.fields) bytes += field.size;
      EXPECT_EQ(bytes, layout.record_size) << name;
    }
}

TEST_F(Hdf5Test, rows_come_in_any_order_and_must_fit) {
  auto file = hdf5::File::create(path_);
  file.make_rows("/rows", 3, 4);
  file.make_rows("/one", -1, 4);
  file.make_rows("/none", 3, 0);
  std::vector<float> const a{1, 2, 3, 4}, b{5, 6, 7, 8};
  file.write_row("/rows", 2, a);
  file.write_row("/rows", 0, b);
  file.write_row("/one", 0, a);
  file.write_row("/none", 1, {});
  EXPECT_THROW(file.write_row("/rows", 3, a), Error);
  EXPECT_THROW(file.write_row("/rows", 0, std::span(a).first(3)), Error);
  file.close();
  auto const again = hdf5::File::open(path_);
  std::vector<float> row(4);
  again.read_row("/rows", 2, row);
  EXPECT_EQ(row, a);
  again.read_row("/rows", 0, row);
  EXPECT_EQ(row, b);
  again.read_row("/one", 0, row);
  EXPECT_EQ(row, a);
}

TEST_F(Hdf5Test, virtual_rows_interleave_sources_and_missing_ones_are_nan) {
  for (auto const* name : {"x.h5", "y.h5"}) {
    auto source = hdf5::File::create(directory_.path() / name);
    source.make_rows("/m", 2, 1);
    for (std::int64_t i = 0; i < 2; ++i)
      source.write_row("/m", i, std::vector{static_cast<float>(name[0]) + static_cast<float>(i)});
    source.close();
  }
  auto file = hdf5::File::create(path_);
  file.make_virtual_rows("/m", 5, 1,
                         {{"x.h5", "/m", 2, 0, {{0, 1}, {3, 1}}}, {"y.h5", "/m", 2, 0, {{1, 2}}}});
  file.link("/linked", "y.h5", "/m");
  file.close();
  auto const read = [&] {
    auto const again = hdf5::File::open(path_);
    std::vector<float> all(5);
    for (std::int64_t i = 0; i < 5; ++i)
      again.read_row("/m", i, std::span(all).subspan(static_cast<std::size_t>(i), 1));
    return all;
  };
  auto rows = read();
  EXPECT_THAT(std::vector(rows.begin(), rows.end() - 1), ElementsAre('x', 'y', 'y' + 1, 'x' + 1));
  EXPECT_TRUE(std::isnan(rows[4]));
  std::filesystem::remove(directory_.path() / "y.h5");
  EXPECT_TRUE(std::isnan(read()[1]));
}

TEST_F(Hdf5Test, errors_are_sentences_without_hdf5_noise) {
  testing::internal::CaptureStderr();
  try {
    hdf5::File::open(directory_.path() / "absent.h5");
    FAIL();
  } catch (Error const& error) {
    EXPECT_THAT(error.what(), HasSubstr("absent.h5"));
    EXPECT_THAT(error.what(), HasSubstr("No such file"));
  }
  auto const file = hdf5::File::create(path_);
  EXPECT_THROW(hdf5::File::create(path_), Error);
  EXPECT_THROW(hdf5::File::create(directory_.path() / "no" / "such.h5"), Error);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Hdf5Test, equal_contents_give_equal_files) {
  for (auto const* name : {"x.h5", "y.h5"}) {
    auto file = hdf5::File::create(directory_.path() / name);
    file.write_table<RoundRecord>("/metrics/rounds", std::vector<RoundRecord>(3));
    file.set("/", "config", std::string("text"));
    file.close();
  }
  EXPECT_EQ(checksum_file(directory_.path() / "x.h5"), checksum_file(directory_.path() / "y.h5"));
}

}  // namespace
}  // namespace fedstrata
