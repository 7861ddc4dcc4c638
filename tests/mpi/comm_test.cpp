// Every call of the wrapper, on any number of ranks.
#include "common/mpi/comm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "common/base/error.hpp"

namespace fedstrata::mpi {
namespace {

using testing::Each;
using testing::ElementsAreArray;

std::vector<std::byte> pattern(std::size_t n, int seed) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) {
    bytes[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(seed));
  }
  return bytes;
}

class CommTest : public testing::Test {
 protected:
  Comm const world = Comm::world();
  int const rank = world.rank();
  int const size = world.size();
  int const next = (rank + 1) % size;
  int const previous = (rank + size - 1) % size;
};

TEST_F(CommTest, ranks_are_numbered_and_self_is_alone) {
  std::vector<std::int64_t> expected;
  for (int r = 0; r < size; ++r) expected.push_back(r);
  EXPECT_EQ(world.all_gather(std::int64_t{rank}), expected);
  EXPECT_EQ(Comm::self().size(), 1);
  EXPECT_EQ(Comm::self().rank(), 0);
}

TEST_F(CommTest, bytes_go_round_a_ring) {
  auto const sent = pattern(1000, rank);
  std::vector<std::byte> received(1000);
  auto request = world.isend(sent, next, 3);
  world.receive(received, previous, 3);
  request.wait();
  EXPECT_EQ(received, pattern(1000, previous));
}

TEST_F(CommTest, requests_can_be_tested_moved_and_left_to_the_destructor) {
  EXPECT_TRUE(Request().test());
  std::vector<std::byte> received(10);
  auto const sent = pattern(10, rank);
  {
    Request moved;
    Request incoming = world.ireceive(received, previous, 4);
    world.barrier();
    EXPECT_FALSE(incoming.test());  // nobody has sent yet
    world.barrier();
    moved = std::move(incoming);
    Request const outgoing = world.isend(sent, next, 4);
  }
  EXPECT_EQ(received, pattern(10, previous));
}

TEST_F(CommTest, background_jobs_are_done_wherever_the_rank_waits) {
  auto const self = Comm::self();  // so that nothing arrives before this rank sends it
  std::vector<std::byte> received(1);
  auto const sent = pattern(1, rank);
  int turns = 0;
  Request outgoing;
  auto const send_in_third_turn = [&] {
    if (++turns == 3) outgoing = self.isend(sent, 0, 5);
    world.all_gather(std::int64_t{turns});  // a job may wait itself
  };
  for (auto const& wait : std::vector<std::function<void()>>{
           [&] { self.ireceive(received, 0, 5).wait(); }, [&] { self.receive(received, 0, 5); },
           [&] {
             EXPECT_EQ(self.wait_for(0, 5).bytes, 1);
             self.receive(received, 0, 5);
           }}) {
    turns = 0;
    auto const job = self.background().while_waiting(send_in_third_turn);
    wait();
    EXPECT_EQ(turns, 3);
    outgoing.wait();
  }
  self.barrier();
  EXPECT_EQ(turns, 3);
}

TEST_F(CommTest, communicators_made_from_one_share_its_background) {
  auto const copy = world.duplicate();
  auto const part = world.split(0);
  EXPECT_EQ(&copy.background(), &world.background());
  EXPECT_EQ(&part->background(), &world.background());
  EXPECT_EQ(&world.split_by_node().background(), &world.background());
  EXPECT_NE(&Comm::self().background(), &world.background());
}

TEST_F(CommTest, an_error_in_the_background_reaches_who_waits_and_the_job_stays) {
  auto const self = Comm::self();
  int turns = 0;
  auto const job = self.background().always([&] {
    if (++turns == 2) throw Error("in the background");
  });
  std::vector<std::byte> received(1);
  auto const sent = pattern(1, rank);
  auto incoming = self.ireceive(received, 0, 5);
  EXPECT_THROW(incoming.wait(), Error);
  EXPECT_EQ(turns, 2);
  auto const outgoing = self.isend(sent, 0, 5);
  incoming.wait();
  EXPECT_EQ(received, sent);
  self.background().look_up();
  EXPECT_GE(turns, 3);
}

TEST_F(CommTest, messages_of_one_rank_and_tag_keep_their_order) {
  std::vector<Request> requests;
  std::vector<std::vector<std::byte>> const sent = {pattern(5, 1), pattern(5, 2), pattern(5, 3)};
  for (auto const& bytes : sent) requests.push_back(world.isend(bytes, next, 6));
  for (auto const& bytes : sent) {
    std::vector<std::byte> received(5);
    world.receive(received, previous, 6);
    EXPECT_EQ(received, bytes);
  }
}

TEST_F(CommTest, probe_announces_what_waits) {
  EXPECT_FALSE(world.probe());
  world.barrier();
  auto const sent = pattern(17, rank);
  auto const request = world.isend(sent, next, 7);
  std::optional<Envelope> envelope;
  while (!envelope) envelope = world.probe();
  EXPECT_EQ(envelope->from, previous);
  EXPECT_EQ(envelope->tag, 7);
  EXPECT_EQ(envelope->bytes, 17);
  EXPECT_FALSE(world.probe(previous, 8));
  EXPECT_TRUE(world.probe(previous, 7));
  std::vector<std::byte> received(17);
  world.receive(received, previous, 7);
  EXPECT_FALSE(world.probe(previous, 7));
}

TEST_F(CommTest, every_root_can_broadcast_bytes_and_text) {
  for (int root = 0; root < size; ++root) {
    auto bytes = rank == root ? pattern(100, root) : std::vector<std::byte>(100);
    world.broadcast(bytes, root);
    EXPECT_EQ(bytes, pattern(100, root));
    EXPECT_EQ(world.broadcast(rank == root ? "from root" : "other", root), "from root");
    EXPECT_EQ(world.broadcast(rank == root ? "" : "other", root), "");
  }
}

TEST_F(CommTest, sums_arrive_at_the_root_in_the_order_they_were_started) {
  for (int root = 0; root < size; ++root) {
    std::vector<std::int64_t> first = {rank, std::int64_t{1} << 60, -rank};
    std::vector<std::int64_t> second = {1};
    if (rank > 0) first[1] = 0;
    auto one = world.ireduce_sum(first, root);
    auto two = world.ireduce_sum(second, root);
    two.wait();
    one.wait();
    if (rank != root) continue;
    std::int64_t const ranks = size * (size - 1) / 2;
    EXPECT_THAT(first, testing::ElementsAre(ranks, std::int64_t{1} << 60, -ranks));
    EXPECT_THAT(second, testing::ElementsAre(size));
  }
}

TEST_F(CommTest, texts_of_any_length_are_gathered_in_rank_order) {
  auto const mine = std::string(static_cast<std::size_t>(rank) * 3, 'x');
  auto const all = world.all_gather(mine);
  ASSERT_EQ(all.size(), static_cast<std::size_t>(size));
  for (std::size_t r = 0; r < all.size(); ++r) EXPECT_EQ(all[r], std::string(r * 3, 'x'));
}

TEST_F(CommTest, split_groups_by_colour_in_rank_order_and_leaves_out_the_negative) {
  auto const part = world.split(rank % 2);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size(), rank % 2 == 0 ? (size + 1) / 2 : size / 2);
  EXPECT_EQ(part->rank(), rank / 2);
  EXPECT_THAT(part->all_gather(std::int64_t{rank % 2}), Each(rank % 2));
  auto const last = world.split(rank == size - 1 ? 5 : -1);
  EXPECT_EQ(last.has_value(), rank == size - 1);
  EXPECT_EQ(last ? last->size() : 1, 1);
}

TEST_F(CommTest, a_duplicate_keeps_its_messages_apart) {
  auto const copy = world.duplicate();
  EXPECT_EQ(copy.rank(), rank);
  EXPECT_EQ(copy.size(), size);
  auto const here = pattern(4, 1), there = pattern(4, 2);
  auto const one = world.isend(here, next, 9);
  auto const two = copy.isend(there, next, 9);
  std::vector<std::byte> received(4);
  copy.receive(received, previous, 9);
  EXPECT_EQ(received, there);
  world.receive(received, previous, 9);
  EXPECT_EQ(received, here);
}

TEST_F(CommTest, ranks_of_a_node_share_memory) {
  auto const node = world.split_by_node();
  EXPECT_EQ(node.size(), size);  // the tests run on one machine
  SharedMemory memory(node, 1000);
  SharedMemory const moved = std::move(memory);
  ASSERT_EQ(moved.bytes().size(), 1000u);
  if (node.rank() == size - 1) std::ranges::copy(pattern(1000, 5), moved.bytes().begin());
  node.barrier();
  EXPECT_THAT(moved.bytes(), ElementsAreArray(pattern(1000, 5)));
  SharedMemory const empty(node, 0);
  EXPECT_TRUE(empty.bytes().empty());
}

TEST_F(CommTest, nobody_passes_a_barrier_before_the_last_has_come) {
  auto const node = world.split_by_node();
  SharedMemory const flag(node, 1);
  if (rank == 0) flag.bytes()[0] = std::byte{0};
  world.barrier();
  if (rank == size - 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    flag.bytes()[0] = std::byte{1};
  }
  world.barrier();
  EXPECT_EQ(flag.bytes()[0], std::byte{1});
}

TEST_F(CommTest, long_messages_travel_in_pieces) {
  auto comm = world.duplicate();
  comm.set_piece(10);
  for (std::size_t const n : {0u, 1u, 9u, 10u, 11u, 20u, 95u}) {
    std::vector<std::byte> received(n), again(n);
    auto const sent = pattern(n, rank), more = pattern(n, rank + 50);
    auto const one = comm.isend(sent, next, 1);
    auto const two = comm.isend(more, next, 1);
    comm.receive(received, previous, 1);
    comm.receive(again, previous, 1);
    EXPECT_EQ(received, pattern(n, previous)) << n;
    EXPECT_EQ(again, pattern(n, previous + 50)) << n;
    auto bytes = rank == 0 ? pattern(n, 3) : std::vector<std::byte>(n);
    comm.broadcast(bytes, 0);
    EXPECT_EQ(bytes, pattern(n, 3)) << n;
  }
  auto const sent = pattern(25, rank);
  auto const request = comm.isend(sent, next, 2);
  std::optional<Envelope> envelope;
  while (!envelope) envelope = comm.probe(previous, 2);
  EXPECT_EQ(envelope->bytes, 10);  // of the first piece: longer messages say their length inside
  std::vector<std::byte> received(25);
  comm.receive(received, previous, 2);
}

TEST_F(CommTest, errors_are_exceptions_on_every_kind_of_communicator) {
  std::vector<std::byte> bytes(4);
  auto const expect_errors = [&](Comm const& comm) {
    int const beyond = comm.size();
    EXPECT_THROW(comm.send(bytes, beyond, 1), Error);
    EXPECT_THROW(comm.receive(bytes, beyond, 1), Error);
    EXPECT_THROW(comm.probe(beyond, 1), Error);
    EXPECT_THROW(comm.broadcast(bytes, beyond), Error);
  };
  expect_errors(world);
  expect_errors(Comm::self());
  expect_errors(world.duplicate());
  expect_errors(*world.split(rank % 2));
  expect_errors(world.split_by_node());
}

TEST_F(CommTest, a_message_longer_than_its_buffer_is_an_error) {
  std::vector<std::byte> const sent(8);
  std::vector<std::byte> received(4);
  auto const request = world.isend(sent, rank, 1);
  EXPECT_THROW(world.receive(received, rank, 1), Error);
}

TEST_F(CommTest, the_library_has_a_name) { EXPECT_FALSE(library_version().empty()); }

}  // namespace
}  // namespace fedstrata::mpi
