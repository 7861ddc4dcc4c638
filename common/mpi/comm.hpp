#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/mpi/background.hpp"

namespace fedstrata::mpi {

/// Starts and ends MPI. Create one as main's first object. Without a launcher the world has one
/// rank. MPI errors become exceptions (fedstrata::Error).
class Environment {
 public:
  Environment(int& argc, char**& argv);
  ~Environment();
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;
};

/// A non-blocking operation in flight. Waiting does the rank's background jobs and sleeps between
/// tests so that no core is kept busy. The buffers it was started with must outlive it. The
/// destructor of an unfinished one waits.
class Request {
 public:
  Request();
  Request(Request&&) noexcept;
  Request& operator=(Request&&) noexcept;
  ~Request();
  /// True once finished (or never started).
  bool test();
  void wait();

 private:
  friend class Comm;
  explicit Request(std::shared_ptr<Background> background);
  struct State;
  std::unique_ptr<State> state_;
};

/// A message that has arrived but was not received yet.
struct Envelope {
  int from = 0;
  int tag = 0;
  std::int64_t bytes = 0;
};

/// A communicator. world() and self() are not owned; split ones are freed by their destructor.
/// Messages too long for MPI's int counts are cut into pieces by every call.
class Comm {
 public:
  /// Each call makes a background of its own, so one call serves a whole program.
  static Comm world();
  static Comm self();
  Comm(Comm&&) noexcept;
  Comm& operator=(Comm&&) noexcept;
  ~Comm();

  int rank() const;
  int size() const;
  /// What this rank does while it waits, here and in communicators made from this one.
  Background& background() const;
  /// Bytes above which messages are cut, 1 GiB at first; the same on all ranks, at least 8. Tests
  /// make it small. split() and its kin start with the default again.
  void set_piece(std::size_t bytes);

  /// Collective. Ranks of the same color, ordered by rank; nothing for a negative color.
  std::optional<Comm> split(int color) const;
  /// Collective. The ranks that share this node's memory.
  Comm split_by_node() const;
  /// Collective.
  Comm duplicate() const;

  // Blocking, of trivially copyable bytes. Waiting does the background's jobs.
  void send(std::span<std::byte const> bytes, int to, int tag) const;
  void receive(std::span<std::byte> bytes, int from, int tag) const;
  Request isend(std::span<std::byte const> bytes, int to, int tag) const;
  Request ireceive(std::span<std::byte> bytes, int from, int tag) const;
  /// The next message that waits, if any (from any rank, with any tag unless given).
  std::optional<Envelope> probe(int from = -1, int tag = -1) const;
  /// Waits for the next message of `from` with this tag.
  Envelope wait_for(int from, int tag) const;

  // Collectives. Waiting does the background's jobs.
  void barrier() const;
  void broadcast(std::span<std::byte> bytes, int root) const;
  Request ibroadcast(std::span<std::byte> bytes, int root) const;
  /// Sum of int64 over the ranks, on root. `values` is the contribution; on root it becomes the
  /// sum.
  Request ireduce_sum(std::span<std::int64_t> values, int root) const;
  std::vector<std::int64_t> all_gather(std::int64_t value) const;
  /// Every rank's text, on every rank.
  std::vector<std::string> all_gather(std::string const& text) const;
  std::string broadcast(std::string const& text, int root) const;

 private:
  friend class SharedMemory;
  struct State;
  explicit Comm(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Memory shared by the ranks of a node (an MPI shared window), allocated by its rank 0.
class SharedMemory {
 public:
  /// Collective over `node`, a communicator of ranks that share memory.
  SharedMemory(Comm const& node, std::int64_t bytes);
  SharedMemory(SharedMemory&&) noexcept;
  ~SharedMemory();
  std::span<std::byte> bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs `work` inside the lifetime of an Environment. An exception of any rank ends all ranks:
/// its message goes to stderr (one message a node when several fail at once) and MPI_Abort is
/// called with 2 for InputError, 1 for anything else. (Unwinding into MPI_Finalize would hang while
/// peers wait.) An MPI library that allows no threads beside it is such an error.
int run_or_abort(std::function<int()> const& work);

/// Name and version of the MPI library.
std::string library_version();

}  // namespace fedstrata::mpi
