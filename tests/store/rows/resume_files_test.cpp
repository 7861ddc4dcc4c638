#include "common/store/rows/resume_files.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "common/base/checksum.hpp"
#include "common/base/error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace fedstrata {
namespace {

std::vector<float> row(float first, std::size_t size) {
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i) values[i] = first + static_cast<float>(i);
  return values;
}

/// Clients 0 .. 4 keep three elements each; the global row has five.
void write_state(std::filesystem::path const& directory, std::int64_t round, int shards,
                 int omit = -1) {
  for (int shard = 0; shard < shards; ++shard) {
    RowShard info{round, shard, shards, {}, {}};
    if (shard == 0) info.fields = {{kGlobalRow, 5, false}, {"momentum", 2, false}};
    info.fields.push_back({kOwnRow, 3, true});
    for (std::int64_t client = 0; client < 5; ++client) {
      if (client % shards == shard) info.clients.push_back(client);
    }
    RowFileWriter writer(flat_rows(), directory, info);
    for (auto const client : info.clients) {
      writer.write(kOwnRow, client, row(static_cast<float>(100 * round + 10 * client), 3));
    }
    if (shard == 0) {
      EXPECT_FALSE(writer.complete());
      EXPECT_THROW(writer.publish(), Error);
      writer.write(kGlobalRow, row(static_cast<float>(round), 5));
      writer.write("momentum", row(static_cast<float>(-round), 2));
      EXPECT_THROW(writer.write("variance", row(0, 2)), Error);
      EXPECT_THROW(writer.write("momentum", row(0, 3)), Error);
      EXPECT_THROW(writer.write("momentum", 0, row(0, 2)), Error);
    }
    EXPECT_TRUE(writer.complete());
    if (shard != omit) writer.publish();
  }
}

class ResumeFilesTest : public testing::Test {
 protected:
  std::filesystem::path const& path() const { return directory_.path(); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path()), {}));
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(ResumeFilesTest, gives_back_what_was_written_whatever_the_number_of_shards) {
  for (int const shards : {1, 2, 3}) {
    write_state(path(), 10 + shards, shards);
    auto const state = ResumeState::latest(path());
    ASSERT_TRUE(state.has_value());
    EXPECT_EQ(state->round(), 10 + shards);
    std::vector<float> global(5), own(3), momentum(2);
    state->read(kGlobalRow, global);
    EXPECT_EQ(global, row(static_cast<float>(10 + shards), 5));
    for (std::int64_t client = 0; client < 5; ++client) {
      ResumeState::at(path(), 10 + shards).read(kOwnRow, client, own);
      EXPECT_EQ(own, row(static_cast<float>(100 * (10 + shards) + 10 * client), 3));
    }
    EXPECT_TRUE(state->has("momentum"));
    state->read("momentum", momentum);
    EXPECT_EQ(momentum, row(static_cast<float>(-10 - shards), 2));
    EXPECT_THROW(state->read(kOwnRow, 5, own), Error);
    EXPECT_THROW(state->read(kOwnRow, 0, global), Error);
    EXPECT_THROW(state->read(kGlobalRow, own), Error);
    EXPECT_FALSE(state->has("variance"));
    EXPECT_THROW(state->read("variance", momentum), Error);
  }
  EXPECT_THROW(ResumeState::at(path(), 7), Error);
}

/// As version 0.1.0 wrote it: no names, sizes only.
TEST_F(ResumeFilesTest, reads_what_version_0_1_0_wrote) {
  std::int64_t const head[] = {0x3165746174736466, 4, 0, 1, 2, 5, 3, /* clients */ 1, 6};
  std::vector<float> rows = row(1, 5);
  for (auto const& own : {row(10, 3), row(60, 3)}) rows.insert(rows.end(), own.begin(), own.end());
  Checksum sum;
  sum.add(std::as_bytes(std::span(head)));
  sum.add(std::as_bytes(std::span(rows)));
  auto const value = sum.value();
  std::ofstream file(path() / "000004.state", std::ios::binary);
  file.write(reinterpret_cast<char const*>(head), sizeof head);
  file.write(reinterpret_cast<char const*>(rows.data()), 11 * sizeof(float));
  file.write(reinterpret_cast<char const*>(&value), sizeof value);
  file.close();
  auto const state = ResumeState::latest(path());
  ASSERT_TRUE(state.has_value());
  std::vector<float> global(5), own(3);
  state->read(kGlobalRow, global);
  EXPECT_EQ(global, row(1, 5));
  state->read(kOwnRow, 6, own);
  EXPECT_EQ(own, row(60, 3));
  EXPECT_FALSE(state->has("momentum"));
}

TEST_F(ResumeFilesTest, incomplete_and_damaged_states_do_not_count) {
  EXPECT_FALSE(ResumeState::latest(path()).has_value());
  write_state(path(), 3, 1);
  write_state(path(), 5, 2);
  write_state(path(), 8, 3, 1);
  EXPECT_EQ(ResumeState::latest(path())->round(), 5);
  auto const name = path() / "000005-1of2.state";
  auto const size = std::filesystem::file_size(name);
  for (std::uintmax_t at = 0; at < size; ++at) {
    std::fstream file(name, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    auto const byte = static_cast<char>(file.get());
    auto const put = [&](char value) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(value);
      file.flush();
    };
    put(static_cast<char>(byte ^ 4));
    EXPECT_EQ(ResumeState::latest(path())->round(), 3) << "byte " << at;
    put(byte);
  }
  EXPECT_EQ(ResumeState::latest(path())->round(), 5);
  for (auto const shorter : {size - 1, size / 2, std::uintmax_t{0}}) {
    std::filesystem::resize_file(name, shorter);
    EXPECT_EQ(ResumeState::latest(path())->round(), 3);
  }
}

TEST_F(ResumeFilesTest, fields_of_the_coordinator_come_back_by_name) {
  std::string const long_name = "average." + std::string(300, 'x') + ".m";
  for (int shard = 0; shard < 2; ++shard) {
    RowShard info{.round = 6,
                  .shard = shard,
                  .shards = 2,
                  .clients = {shard},
                  .fields = {{kOwnRow, 3, true}}};
    if (shard == 0) {
      info.fields.push_back({kGlobalRow, 5, false});
      info.fields.push_back({"average.a.v", 4, false});
      info.fields.push_back({long_name, 2, false});
    }
    RowFileWriter writer(flat_rows(), path(), info);
    writer.write(kOwnRow, shard, row(30, 3));
    if (shard == 0) {
      writer.write(long_name, row(20, 2));
      writer.write(kGlobalRow, row(0, 5));
      EXPECT_FALSE(writer.complete());
      EXPECT_THROW(writer.write("average.a.v", row(0, 2)), Error);
      EXPECT_THROW(writer.write("average.c.v", row(0, 2)), Error);
      writer.write("average.a.v", row(10, 4));
    }
    writer.publish();
  }
  auto const state = ResumeState::latest(path());
  ASSERT_TRUE(state.has_value());
  std::vector<float> global(5), v(4), m(2), own(3);
  state->read(kGlobalRow, global);
  state->read("average.a.v", v);
  state->read(long_name, m);
  state->read(kOwnRow, 1, own);
  EXPECT_EQ(global, row(0, 5));
  EXPECT_EQ(v, row(10, 4));
  EXPECT_EQ(m, row(20, 2));
  EXPECT_EQ(own, row(30, 3));
  state->read(kOwnRow, 0, own);
  EXPECT_EQ(own, row(30, 3));
  EXPECT_THROW(state->read("average.a.v", m), Error);
  EXPECT_THROW(state->read("average.a.m", v), Error);
}

TEST_F(ResumeFilesTest, an_unpublished_state_leaves_nothing) {
  write_state(path(), 1, 1, 0);
  EXPECT_EQ(files(), 0u);
}

TEST_F(ResumeFilesTest, says_why_it_cannot_write_or_read) {
  auto const reason = [](auto work) -> std::string {
    try {
      work();
    } catch (Error const& error) {
      return error.what();
    }
    return "";
  };
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit const small{40, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  auto const text = reason([&] { write_state(path(), 1, 1); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(text.find("000001.state': File too large"), std::string::npos) << text;

  write_state(path(), 2, 1);
  auto const state = ResumeState::at(path(), 2);
  std::filesystem::resize_file(path() / "000002.state", 60);
  std::vector<float> own(3);
  EXPECT_NE(reason([&] { state.read(kOwnRow, 4, own); }).find("ends too early"), std::string::npos);
  std::filesystem::remove(path() / "000002.state");
  EXPECT_NE(reason([&] { state.read(kOwnRow, 4, own); }).find("No such file"), std::string::npos);
}

TEST_F(ResumeFilesTest, prunes_all_but_the_newest_complete_ones) {
  for (std::int64_t const round : {2, 4, 6}) write_state(path(), round, 2);
  write_state(path(), 8, 2, 1);  // on its way
  prune_resume_states(path(), 2);
  EXPECT_EQ(files(), 5u);
  prune_resume_states(path(), 5);
  EXPECT_EQ(files(), 5u);
  EXPECT_EQ(ResumeState::latest(path())->round(), 6);
  prune_resume_states(path(), 1);
  EXPECT_EQ(files(), 3u);
  EXPECT_TRUE(has_resume_state(path()));
  prune_resume_states(path(), 0);
  EXPECT_EQ(files(), 0u);
  EXPECT_FALSE(has_resume_state(path()));
}

}  // namespace
}  // namespace fedstrata
