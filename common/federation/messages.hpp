#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/mpi/comm.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

/// Every point-to-point message of a run.
enum class Tag : int {
  row = 1,         ///< client rank -> writer: RowHeader and a model row
  commit,          ///< coordinator -> writers: Commit
  excluded,        ///< client rank -> coordinator: ids left out of the round's averages
  report,          ///< client rank -> coordinator: RoundReport
  shard_complete,  ///< writer -> first analysis rank: round
  unit_request,    ///< analysis rank -> first analysis rank: a result, or none
  unit,            ///< first analysis rank -> analysis rank: what to compute next
  sent,            ///< client rank -> coordinator: all its rows are received
  alive            ///< to and from the coordinator: what the sender does
};

inline int number(Tag tag) { return static_cast<int>(tag); }

/// Flat bytes of a message made of vectors of trivially copyable values. Starts with its length, by
/// which a receiver knows of further pieces.
class Message {
 public:
  Message();
  explicit Message(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  Message& put(std::span<T const> values) {
    auto const count = static_cast<std::int64_t>(values.size());
    append(std::as_bytes(std::span(&count, 1)));
    append(std::as_bytes(values));
    return *this;
  }
  template <class T>
  Message& put(std::vector<T> const& values) {
    return put(std::span<T const>(values));
  }
  /// The next vector, in the order of put().
  template <class T>
  std::vector<T> take() {
    std::int64_t count = 0;
    extract(std::as_writable_bytes(std::span(&count, 1)));
    std::vector<T> values(static_cast<std::size_t>(count));
    extract(std::as_writable_bytes(std::span(values)));
    return values;
  }
  std::span<std::byte const> bytes() const { return bytes_; }

 private:
  void append(std::span<std::byte const> bytes);
  void extract(std::span<std::byte> bytes);

  std::vector<std::byte> bytes_;
  std::size_t position_ = sizeof(std::int64_t);
};

/// Receives the message that probe() announced.
Message receive(mpi::Comm const& comm, mpi::Envelope const& envelope);
/// Waits, calling `idle`, for the next message of `from` with this tag and receives it.
Message receive_from(mpi::Comm const& comm, int from, Tag tag, std::function<void()> const& idle);

/// Messages on their way: keeps their bytes alive; waits for all when destroyed.
class Outbox {
 public:
  /// At most `limit` messages are in flight; send() waits, calling `idle`, when there are more.
  Outbox(mpi::Comm const& comm, std::size_t limit, std::function<void()> idle)
      : comm_(&comm), limit_(limit), idle_(std::move(idle)) {}
  void send(Message message, int to, Tag tag);
  /// Waits for all.
  void flush();

 private:
  void trim(std::size_t limit);
  mpi::Comm const* comm_;
  std::size_t limit_;
  std::function<void()> idle_;
  struct Item {
    Message message;
    mpi::Request request;
  };
  std::vector<std::unique_ptr<Item>> items_;
};

/// What a row in a message is: a model as trained, or after averaging, or what its client keeps
/// for the next round.
enum class RowUse : std::int64_t { before, after, state };

/// Says whose row follows in a row message.
struct RowHeader {
  std::int64_t round = 0;
  std::int64_t client = 0;
  RowUse use = RowUse::before;
};

/// Where the time of a rank went, in seconds.
struct TimeShares {
  double train = 0.0, aggregate = 0.0, wait = 0.0, evaluate = 0.0, analysis = 0.0, store = 0.0;
};

/// What a client rank tells of a round.
struct RoundReport {
  std::int64_t round = 0;
  std::vector<ClientRecord> clients;    ///< its participants
  std::vector<double> layer_distances;  ///< [participants, layers] squared, to the mean; or empty
  std::vector<double> layer_cosines;    ///< [participants, layers]; or empty
  std::vector<double> test_batches;     ///< global model: [batches of this rank, 2 + classes]:
                                        ///< batch index, loss sum, correct answers per class (none
                                        ///< for a task without classes)
  std::vector<TimeShares> times;        ///< one element: this round's

  Message pack() const;
  static RoundReport unpack(Message message);
};

}  // namespace fedstrata
