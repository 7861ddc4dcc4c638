// Messages between roles, also of a rank to itself, as in small worlds.
#include "common/federation/messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>
#include <tuple>

#include "common/base/error.hpp"

namespace fedstrata {
namespace {

Message copy_of(Message const& message) {
  return Message({message.bytes().begin(), message.bytes().end()});
}

TEST(MessageTest, vectors_come_back_in_the_order_they_were_put) {
  Message message;
  message.put(std::vector<std::int64_t>{1, -2}).put(std::vector<float>{});
  message.put(std::vector<char>{'a', 'b', 'c'}).put(std::vector<double>{0.5, kAbsent});
  auto received = copy_of(message);
  EXPECT_EQ(received.take<std::int64_t>(), (std::vector<std::int64_t>{1, -2}));
  EXPECT_TRUE(received.take<float>().empty());
  EXPECT_EQ(received.take<char>(), (std::vector<char>{'a', 'b', 'c'}));
  auto const doubles = received.take<double>();  // at an odd place in the bytes
  ASSERT_EQ(doubles.size(), 2u);
  EXPECT_EQ(doubles[0], 0.5);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(doubles[1]), std::bit_cast<std::uint64_t>(kAbsent));
}

TEST(MessageTest, taking_more_than_was_put_is_an_error) {
  auto empty = copy_of(Message());
  EXPECT_THROW(empty.take<float>(), Error);
  Message message;
  message.put(std::vector<float>{1.0F});
  std::vector<std::byte> cut(message.bytes().begin(), message.bytes().end() - 1);
  EXPECT_THROW(Message(cut).take<float>(), Error);
}

/// Members of an aggregate: the most values it can be initialised with.
struct Anything {
  template <class T>
  operator T() const;
};
template <class T, class... Values>
constexpr std::size_t members() {
  if constexpr (requires { T{Values{}..., Anything{}}; })
    return members<T, Values..., Anything>();
  else
    return sizeof...(Values);
}

/// One message of each kind, with nothing left as it is by default.
template <class Content>
Content sample();
template <>
ModelRow sample() {
  return {{3, 41, RowUse::state}, {1.5F, -2.0F, 0.0F}};
}
template <>
Commit sample() {
  return {Commit::What::interruption, 7, {1, 5}, {0.25F}};
}
template <>
TrainingEnd sample() {
  return {{4, 2}, true, true};
}
template <>
RoundReport sample() {
  ClientRecord client;
  client.round = 7;
  client.client = 41;
  client.train_loss = 0.25;
  return {.round = 7,
          .clients = {client, {}},
          .distances = {{.client = 41, .squared = {1.0, 2.0}, .cosines = {-1.0, kAbsent}}},
          .test_batches = {{.batch = 0, .loss = 12.5, .correct = {3.0, 4.0}}, {.batch = 2}},
          .times = {.train = 1.5}};
}
template <>
ShardComplete sample() {
  return {12, {0, 3}};
}
template <>
UnitRequest sample() {
  return {5, 1, 17, {0.5, kAbsent}};
}
template <>
UnitOrder sample() {
  return {5, 2, 9, {0, 1, 2}, {3}, {4, 8}, {{1, 2, 3, 0.25}, {4, 5, 6, 0.5}}};
}
template <>
RowsSent sample() {
  return {};
}
template <>
SignOfLife sample() {
  return {"training round 3"};
}

template <class Content>
class EveryMessage : public testing::Test {};
using Messages = testing::Types<ModelRow, Commit, TrainingEnd, RoundReport, ShardComplete,
                                UnitRequest, UnitOrder, RowsSent, SignOfLife>;
TYPED_TEST_SUITE(EveryMessage, Messages);

TYPED_TEST(EveryMessage, lists_all_its_fields) {
  EXPECT_EQ(std::tuple_size_v<decltype(TypeParam::fields())>, members<TypeParam>());
}

TYPED_TEST(EveryMessage, survives_the_journey) {
  auto const sent = pack(sample<TypeParam>());
  auto const copy = unpack<TypeParam>(copy_of(sent));
  EXPECT_TRUE(std::ranges::equal(pack(copy).bytes(), sent.bytes()));
  if constexpr (std::tuple_size_v < decltype(TypeParam::fields()) >> 0) {
    EXPECT_FALSE(std::ranges::equal(pack(TypeParam{}).bytes(), sent.bytes()));
    EXPECT_THROW(unpack<TypeParam>(Message()), Error);
  }
}

TEST(MessageTest, fields_arrive_under_their_own_names) {
  auto const commit = unpack<Commit>(copy_of(pack(sample<Commit>())));
  EXPECT_EQ(commit.what, Commit::What::interruption);
  EXPECT_EQ(commit.round, 7);
  EXPECT_EQ(commit.excluded, (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(commit.global, std::vector<float>{0.25F});
  auto const report = unpack<RoundReport>(copy_of(pack(sample<RoundReport>())));
  EXPECT_EQ(report.clients.at(0).train_loss, 0.25);
  EXPECT_TRUE(std::isnan(report.clients.at(1).train_loss));
  ASSERT_EQ(report.distances.size(), 1U);
  EXPECT_EQ(report.distances[0].client, 41);
  EXPECT_EQ(report.distances[0].squared, (std::vector<double>{1.0, 2.0}));
  EXPECT_EQ(report.distances[0].cosines.at(0), -1.0);
  ASSERT_EQ(report.test_batches.size(), 2U);
  EXPECT_EQ(report.test_batches[0].loss, 12.5);
  EXPECT_EQ(report.test_batches[0].correct, (std::vector<double>{3.0, 4.0}));
  EXPECT_EQ(report.test_batches[1].batch, 2);
  EXPECT_TRUE(report.test_batches[1].correct.empty());
  EXPECT_EQ(report.times.train, 1.5);
  EXPECT_EQ(unpack<SignOfLife>(copy_of(pack(sample<SignOfLife>()))).phase, "training round 3");
}

class TransportTest : public testing::Test {
 protected:
  mpi::Comm comm = mpi::Comm::world().duplicate();
  int const next = (comm.rank() + 1) % comm.size();
  int const previous = (comm.rank() + comm.size() - 1) % comm.size();
};

TEST_F(TransportTest, messages_of_every_length_arrive_whole_and_in_order) {
  comm.set_piece(64);
  Outbox outbox(comm, 100);
  auto const ids = [](std::size_t n, int rank) {
    return std::vector<std::int64_t>(n, static_cast<std::int64_t>(n) * 1000 + rank);
  };
  for (std::size_t n = 0; n < 40; ++n) {
    if (n % 2 == 0)
      outbox.send(ShardComplete{0, ids(n, comm.rank())}, next);
    else
      outbox.send(TrainingEnd{.excluded = ids(n, comm.rank())}, next);
  }
  for (std::size_t n = 0; n < 40; ++n) {
    auto const got = n % 2 == 0 ? receive_from<ShardComplete>(comm, previous).excluded
                                : receive_from<TrainingEnd>(comm, previous).excluded;
    EXPECT_EQ(got, ids(n, previous));
  }
  outbox.flush();
  EXPECT_FALSE(comm.probe());
}

TEST_F(TransportTest, an_outbox_holds_no_more_than_its_limit) {
  // To oneself, and too long to be buffered by MPI: a message leaves only once it is received.
  auto const self = mpi::Comm::self();
  std::size_t const elements = 1 << 18;
  std::size_t received = 0;
  std::size_t sent = 0;
  Outbox outbox(self, 2);
  auto const job = self.background().while_waiting([&] {
    EXPECT_LE(sent - received, 2u);
    if (auto const row = receive_waiting<ModelRow>(self)) {
      EXPECT_EQ(row->content.values.size(), elements);
      ++received;
    }
  });
  for (; sent < 6; ++sent) outbox.send(ModelRow{{}, std::vector<float>(elements)}, 0);
  EXPECT_GE(received, 4u);  // it had to wait for these
  outbox.flush();
  EXPECT_EQ(received, 6u);
}

TEST_F(TransportTest, waiting_for_one_kind_leaves_the_others_alone) {
  Outbox outbox(comm, 8);
  outbox.send(Commit{.round = 1}, next);
  outbox.send(TrainingEnd{.excluded = {2}}, next);
  EXPECT_EQ(receive_from<TrainingEnd>(comm, previous).excluded, std::vector<std::int64_t>{2});
  EXPECT_EQ(receive_from<Commit>(comm, previous).round, 1);
  EXPECT_FALSE(receive_waiting<Commit>(comm));
}

TEST_F(TransportTest, what_has_arrived_is_received_with_its_sender) {
  Outbox outbox(comm, 8);
  outbox.send(SignOfLife{"here"}, next);
  std::optional<Received<SignOfLife>> sign;
  while (!sign) sign = receive_waiting<SignOfLife>(comm);
  EXPECT_EQ(sign->from, previous);
  EXPECT_EQ(sign->content.phase, "here");
}

}  // namespace
}  // namespace fedstrata
