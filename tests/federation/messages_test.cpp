// Messages between roles, also of a rank to itself, as in small worlds.
#include "common/federation/messages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

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

TEST(MessageTest, a_report_survives_the_journey) {
  RoundReport report;
  report.round = 7;
  ClientRecord client;
  client.round = 7;
  client.client = 41;
  client.samples = 120;
  client.train_loss = 0.25;
  client.excluded = 1;
  report.clients = {client, {}};
  report.layer_distances = {1.0, 2.0, 3.0};
  report.layer_cosines = {-1.0, 0.0, kAbsent};
  report.test_batches = {0.0, 12.5, 3.0};
  report.times = {{.train = 1.5, .wait = 0.5}};
  auto const copy = RoundReport::unpack(copy_of(report.pack()));
  EXPECT_EQ(copy.round, 7);
  ASSERT_EQ(copy.clients.size(), 2u);
  EXPECT_EQ(copy.clients[0].client, 41);
  EXPECT_EQ(copy.clients[0].samples, 120);
  EXPECT_EQ(copy.clients[0].train_loss, 0.25);
  EXPECT_EQ(copy.clients[0].excluded, 1);
  EXPECT_TRUE(std::isnan(copy.clients[1].train_loss));
  EXPECT_EQ(copy.layer_distances, report.layer_distances);
  EXPECT_TRUE(std::isnan(copy.layer_cosines.at(2)));
  EXPECT_EQ(copy.test_batches, report.test_batches);
  EXPECT_EQ(copy.times.at(0).train, 1.5);
  EXPECT_EQ(copy.times.at(0).wait, 0.5);
  EXPECT_EQ(RoundReport::unpack(copy_of(RoundReport().pack())).clients.size(), 0u);
}

class TransportTest : public testing::Test {
 protected:
  mpi::Comm comm = mpi::Comm::world().duplicate();
  int const next = (comm.rank() + 1) % comm.size();
  int const previous = (comm.rank() + comm.size() - 1) % comm.size();

  std::vector<std::int64_t> receive_next(Tag tag) {
    return receive_from(comm, previous, tag, [] {}).take<std::int64_t>();
  }
};

TEST_F(TransportTest, messages_of_every_length_arrive_whole_and_in_order) {
  comm.set_piece(64);
  Outbox outbox(comm, 100, [] {});
  std::vector<std::vector<std::int64_t>> sent;
  for (std::size_t n = 0; n < 40; ++n) {
    sent.emplace_back(n, static_cast<std::int64_t>(n) * 1000 + comm.rank());
    outbox.send(std::move(Message().put(sent.back())), next, n % 2 == 0 ? Tag::row : Tag::report);
  }
  for (std::size_t n = 0; n < 40; ++n) {
    auto const got = receive_next(n % 2 == 0 ? Tag::row : Tag::report);
    EXPECT_EQ(got, std::vector<std::int64_t>(n, static_cast<std::int64_t>(n) * 1000 + previous));
  }
  outbox.flush();
  EXPECT_FALSE(comm.probe());
}

TEST_F(TransportTest, an_outbox_holds_no_more_than_its_limit) {
  // To oneself, and too long to be buffered by MPI: a message leaves only once it is received.
  auto const self = mpi::Comm::self();
  std::size_t const long_message = 1 << 20;
  std::size_t received = 0;
  std::size_t sent = 0;
  Outbox outbox(self, 2, [&] {
    EXPECT_LE(sent - received, 2u);
    if (auto const envelope = self.probe(0, number(Tag::row))) {
      EXPECT_EQ(receive(self, *envelope).take<std::byte>().size(), long_message);
      ++received;
    }
  });
  for (; sent < 6; ++sent) {
    outbox.send(std::move(Message().put(std::vector<std::byte>(long_message))), 0, Tag::row);
  }
  EXPECT_GE(received, 4u);  // it had to wait for these
  outbox.flush();
  EXPECT_EQ(received, 6u);
}

TEST_F(TransportTest, waiting_for_one_tag_leaves_the_others_alone) {
  Outbox outbox(comm, 8, [] {});
  outbox.send(std::move(Message().put(std::vector<std::int64_t>{1})), next, Tag::commit);
  outbox.send(std::move(Message().put(std::vector<std::int64_t>{2})), next, Tag::excluded);
  EXPECT_EQ(receive_next(Tag::excluded), std::vector<std::int64_t>{2});
  EXPECT_EQ(receive_next(Tag::commit), std::vector<std::int64_t>{1});
}

TEST_F(TransportTest, waiting_for_a_message_leaves_time_for_other_work) {
  Outbox outbox(comm, 8, [] {});
  int turns = 0;
  auto const idle = [&] {
    if (++turns == 5) {
      outbox.send(std::move(Message().put(std::vector<std::int64_t>{9})), next, Tag::unit);
    }
  };
  EXPECT_EQ(receive_from(comm, previous, Tag::unit, idle).take<std::int64_t>().at(0), 9);
  while (turns < 5) idle();
}

}  // namespace
}  // namespace fedstrata
