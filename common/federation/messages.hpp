#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/base/error.hpp"
#include "common/mpi/comm.hpp"
#include "common/store/records.hpp"

namespace fedstrata {

// Every message from one rank to another (not what all ranks share at once): below, a struct each,
// with the tag it travels under and the list of its fields, from which pack() and unpack() follow.
// To add one: a tag, a struct, a line in tests/federation/messages_test.cpp.

/// Every point-to-point message of a run.
enum class Tag : int {
  row = 1,         ///< client rank -> writer: ModelRow
  commit,          ///< coordinator -> writers: Commit
  trained,         ///< client rank -> coordinator: TrainingEnd
  report,          ///< client rank -> coordinator: RoundReport
  shard_complete,  ///< writer -> first analysis rank: ShardComplete
  unit_request,    ///< analysis rank -> first analysis rank: UnitRequest
  unit,            ///< first analysis rank -> analysis rank: UnitOrder
  sent,            ///< client rank -> coordinator: RowsSent
  alive            ///< to and from the coordinator: SignOfLife
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
  /// The next vector, in the order of put(). Throws Error where the message has ended.
  template <class T>
  std::vector<T> take() {
    std::int64_t count = 0;
    extract(std::as_writable_bytes(std::span(&count, 1)));
    std::vector<T> values(static_cast<std::size_t>(count));
    extract(std::as_writable_bytes(std::span(values)));
    return values;
  }
  /// The next vector, which must have one element (else throws Error).
  template <class T>
  T take_one() {
    std::int64_t count = 0;
    extract(std::as_writable_bytes(std::span(&count, 1)));
    require(count == 1, "a message is of another kind than its tag says");
    T value{};
    extract(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  std::span<std::byte const> bytes() const { return bytes_; }

 private:
  void append(std::span<std::byte const> bytes);
  void extract(std::span<std::byte> bytes);

  std::vector<std::byte> bytes_;
  std::size_t position_ = sizeof(std::int64_t);
};

/// A vector of structs that list their fields as a message does.
template <class T>
concept VectorOfStructs = requires {
  std::tuple_size<decltype(T::value_type::fields())>::value;
};

/// Puts the fields of a struct, one after another.
template <class Content>
void put_fields(Message& message, Content const& content) {
  auto const put = [&]<class Field>(Field const& field) {
    if constexpr (VectorOfStructs<Field>) {
      auto const count = static_cast<std::int64_t>(field.size());
      message.put(std::span(&count, 1));
      for (auto const& one : field) put_fields(message, one);
    } else if constexpr (requires { field.data(); }) {
      message.put(std::span(field.data(), field.size()));
    } else {
      message.put(std::span(&field, 1));
    }
  };
  std::apply([&](auto... member) { (put(content.*member), ...); }, Content::fields());
}

/// Takes them in the same order.
template <class Content>
Content take_fields(Message& message) {
  Content content;
  auto const take = [&]<class Field>(Field& field) {
    if constexpr (VectorOfStructs<Field>) {
      auto const count = message.take_one<std::int64_t>();
      for (std::int64_t i = 0; i < count; ++i) {
        field.push_back(take_fields<typename Field::value_type>(message));
      }
    } else if constexpr (requires { typename Field::value_type; }) {
      auto values = message.take<typename Field::value_type>();
      if constexpr (std::is_same_v<Field, decltype(values)>)
        field = std::move(values);
      else
        field.assign(values.begin(), values.end());
    } else {
      field = message.take_one<Field>();
    }
  };
  std::apply([&](auto... member) { (take(content.*member), ...); }, Content::fields());
  return content;
}

/// The message of a struct with `fields()`, a tuple of pointers to its members. A field is a vector
/// of trivially copyable values, a text, one such value, or a vector of structs with `fields()`.
template <class Content>
Message pack(Content const& content) {
  Message message;
  put_fields(message, content);
  return message;
}

/// The reverse. Throws Error for a message of another struct, where that can be seen.
template <class Content>
Content unpack(Message message) {
  return take_fields<Content>(message);
}

/// What a row in a message is: a model as trained, or after averaging, or what its client keeps
/// for the next round.
enum class RowUse : std::int64_t { before, after, state };

/// Says whose row follows in a row message.
struct RowHeader {
  std::int64_t round = 0;
  std::int64_t client = 0;
  RowUse use = RowUse::before;
};

/// A client's row, to be written.
struct ModelRow {
  RowHeader header;
  std::vector<float> values = {};  ///< model row [P + Q]; of RowUse::state what the client keeps

  static constexpr Tag kTag = Tag::row;
  static constexpr auto fields() { return std::tuple(&ModelRow::header, &ModelRow::values); }
};

/// What the coordinator tells the writers after a round: that its average is done, that the state
/// after it is to be saved, that it was the last one, or the last one of this start of the run.
struct Commit {
  enum class What : std::int64_t { average, state, end, interruption } what = What::average;
  std::int64_t round = 0;
  std::vector<std::int64_t> excluded = {};  ///< ids of participants that diverged
  std::vector<float> global =
      {};  ///< model row [P + Q]; of `state` the state row and what updates keep

  static constexpr Tag kTag = Tag::commit;
  static constexpr auto fields() {
    return std::tuple(&Commit::what, &Commit::round, &Commit::excluded, &Commit::global);
  }
};

/// What a client rank tells once it has trained its participants of a round.
struct TrainingEnd {
  std::vector<std::int64_t> excluded = {};  ///< ids left out of the average, since they diverged
  bool stop = false;                        ///< did a signal ask this rank to stop the run?
  bool given_up = false;                    ///< was the round given up, so that nobody may use it?

  static constexpr Tag kTag = Tag::trained;
  static constexpr auto fields() {
    return std::tuple(&TrainingEnd::excluded, &TrainingEnd::stop, &TrainingEnd::given_up);
  }
};

/// Where the time of a rank went, in seconds.
struct TimeShares {
  double train = 0.0, aggregate = 0.0, wait = 0.0, evaluate = 0.0, analysis = 0.0, store = 0.0;
};

/// How far a participant's layers are from the mean of all participants.
struct ClientDistances {
  std::int64_t client = 0;
  std::vector<double> squared = {};  ///< [layers] distances
  std::vector<double> cosines = {};  ///< [layers]

  static constexpr auto fields() {
    return std::tuple(&ClientDistances::client, &ClientDistances::squared,
                      &ClientDistances::cosines);
  }
};

/// The global model on one batch of the test set.
struct TestBatch {
  std::int64_t batch = 0;  ///< index
  double loss = 0.0;       ///< sum over its samples
  std::vector<double> correct =
      {};  ///< [classes] correct answers; empty for a task without classes

  static constexpr auto fields() {
    return std::tuple(&TestBatch::batch, &TestBatch::loss, &TestBatch::correct);
  }
};

/// What a client rank tells of a round.
struct RoundReport {
  std::int64_t round = 0;
  std::vector<ClientRecord> clients;       ///< its participants
  std::vector<ClientDistances> distances;  ///< of those that were compared, in the same order
  std::vector<TestBatch> test_batches;     ///< those that this rank took
  TimeShares times;                        ///< this round's

  static constexpr Tag kTag = Tag::report;
  static constexpr auto fields() {
    return std::tuple(&RoundReport::round, &RoundReport::clients, &RoundReport::distances,
                      &RoundReport::test_batches, &RoundReport::times);
  }
};

/// All rows of a writer's shard of a round are on disk.
struct ShardComplete {
  std::int64_t round = 0;
  std::vector<std::int64_t> excluded = {};  ///< ids of participants that diverged

  static constexpr Tag kTag = Tag::shard_complete;
  static constexpr auto fields() {
    return std::tuple(&ShardComplete::round, &ShardComplete::excluded);
  }
};

/// Asks for a unit of an analysis, and brings the result of the one before.
struct UnitRequest {
  std::int64_t round = kNone;  ///< of the unit that was done
  std::int64_t phase = 0;
  std::int64_t unit = 0;
  std::vector<double> result = {};

  static constexpr std::int64_t kNone = -1;  ///< nothing was done before
  static constexpr Tag kTag = Tag::unit_request;
  static constexpr auto fields() {
    return std::tuple(&UnitRequest::round, &UnitRequest::phase, &UnitRequest::unit,
                      &UnitRequest::result);
  }
};

/// What a phase of an analysis after the first evaluates of one curve on one sample set.
struct PhaseRequest {
  std::int64_t group = 0;  ///< index in the plan
  std::int64_t set = 0;    ///< index in the plan
  std::int64_t curve = 0;  ///< index in the group
  double alpha = 0.0;      ///< search: a new point of the curve's path
};

/// Says which unit of an analysis to compute.
struct UnitOrder {
  std::int64_t round = kFinish;
  std::int64_t phase = 0;
  std::int64_t unit = 0;
  std::vector<std::int64_t> clients = {}, partners = {},
                            trajectory = {};  ///< of the round, as in RoundJob
  std::vector<PhaseRequest> requests = {};    ///< what the phase evaluates

  static constexpr std::int64_t kFinish = -1;  ///< there is no more work
  static constexpr Tag kTag = Tag::unit;
  static constexpr auto fields() {
    return std::tuple(&UnitOrder::round, &UnitOrder::phase, &UnitOrder::unit, &UnitOrder::clients,
                      &UnitOrder::partners, &UnitOrder::trajectory, &UnitOrder::requests);
  }
};

/// All rows of a client rank have been received.
struct RowsSent {
  static constexpr Tag kTag = Tag::sent;
  static constexpr auto fields() { return std::tuple(); }
};

/// The sender lives.
struct SignOfLife {
  std::string phase;  ///< what it does: "training round 3"

  static constexpr Tag kTag = Tag::alive;
  static constexpr auto fields() { return std::tuple(&SignOfLife::phase); }
};

/// Receives the message that probe() announced.
Message receive(mpi::Comm const& comm, mpi::Envelope const& envelope);

/// Waits for the next message of `from` of this kind.
template <class Content>
Content receive_from(mpi::Comm const& comm, int from) {
  return unpack<Content>(receive(comm, comm.wait_for(from, number(Content::kTag))));
}

template <class Content>
struct Received {
  int from = 0;  ///< rank
  Content content;
};

/// The next message of this kind that has arrived, from any rank (or only `from`); nothing when
/// there is none.
template <class Content>
std::optional<Received<Content>> receive_waiting(mpi::Comm const& comm, int from = -1) {
  auto const envelope = comm.probe(from, number(Content::kTag));
  if (!envelope) return std::nullopt;
  return Received<Content>{envelope->from, unpack<Content>(receive(comm, *envelope))};
}

/// Messages on their way: keeps their bytes alive; waits for all when destroyed.
class Outbox {
 public:
  /// At most `limit` messages are in flight; send() waits when there are more.
  Outbox(mpi::Comm const& comm, std::size_t limit) : comm_(&comm), limit_(limit) {}
  template <class Content>
  void send(Content const& content, int to) {
    send(pack(content), to, Content::kTag);
  }
  /// Waits for all.
  void flush();

 private:
  void send(Message message, int to, Tag tag);
  void trim(std::size_t limit);
  mpi::Comm const* comm_;
  std::size_t limit_;
  struct Item {
    Message message;
    mpi::Request request;
  };
  std::vector<std::unique_ptr<Item>> items_;
};

}  // namespace fedstrata
