#include "common/mpi/comm.hpp"

#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "common/base/error.hpp"
#include "common/base/log.hpp"
#include "common/base/process/stop.hpp"

// The one file that uses MPI. Nothing here blocks inside MPI: a blocking call burns the core it
// waits on, and there are often more ranks than cores. Every wait is a test and a short sleep,
// during which other work of the rank goes on. Messages longer than an int can count go in pieces.

namespace fedstrata::mpi {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 30;  // bytes; MPI counts are int

void check(int code, char const* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(std::string(call) + " failed: " + text);
}

/// Spins a moment for short waits, then sleeps ever longer up to a millisecond, so that a waiting
/// rank leaves its core to the ranks that compute.
class Nap {
 public:
  void operator()() {
    if (++turns_ < 100) {
      sched_yield();
      return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(length_));
    length_ = std::min(length_ + length_ / 4 + 1, 1000);
  }

 private:
  int turns_ = 0;
  int length_ = 20;
};

template <class Byte, class Call>
void in_pieces(std::span<Byte> bytes, std::size_t most, Call const& call) {
  do {
    auto const piece = bytes.first(std::min(bytes.size(), most));
    call(piece);
    bytes = bytes.subspan(piece.size());
  } while (!bytes.empty());
}

}  // namespace

struct Request::State {
  std::shared_ptr<Background> background;
  std::vector<MPI_Request> pending;
};

Request::Request() : state_(std::make_unique<State>()) {}
Request::Request(std::shared_ptr<Background> background) : Request() {
  state_->background = std::move(background);
}
Request::Request(Request&&) noexcept = default;

Request& Request::operator=(Request&& other) noexcept {
  if (this != &other) {
    if (state_) wait();
    state_ = std::move(other.state_);
  }
  return *this;
}

Request::~Request() {
  // While an exception unwinds the peer may be gone: the world is about to be aborted.
  if (state_ && std::uncaught_exceptions() == 0) {
    try {
      wait();
    } catch (std::exception const& e) {
      log::error(e.what());
    }
  }
}

bool Request::test() {
  if (!state_ || state_->pending.empty()) return true;
  int done = 0;
  check(MPI_Testall(static_cast<int>(state_->pending.size()), state_->pending.data(), &done,
                    MPI_STATUSES_IGNORE),
        "MPI_Testall");
  if (done != 0) state_->pending.clear();
  return done != 0;
}

void Request::wait() {
  Nap nap;
  while (!test()) {
    if (state_->background) state_->background->wait();
    nap();
  }
}

struct Comm::State {
  MPI_Comm comm = MPI_COMM_NULL;
  bool owned = false;
  int rank = 0;
  int size = 1;
  std::size_t piece = kPiece;
  std::shared_ptr<Background> background;

  State(MPI_Comm c, bool own, std::shared_ptr<Background> jobs)
      : comm(c), owned(own), background(std::move(jobs)) {
    check(MPI_Comm_rank(comm, &rank), "MPI_Comm_rank");
    check(MPI_Comm_size(comm, &size), "MPI_Comm_size");
  }
  ~State() {
    if (owned && std::uncaught_exceptions() == 0) MPI_Comm_free(&comm);
  }
  State(State const&) = delete;
  State& operator=(State const&) = delete;
};

Environment::Environment(int& argc, char**& argv) {
  // Open MPI would cut a reduction on few ranks into 32 KiB messages, each of which waits some
  // sleeps.
  setenv("OMPI_MCA_coll_libnbc_ireduce_algorithm", "binomial", 0);
  int provided = MPI_THREAD_SINGLE;  // run_or_abort() looks at it
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
}

Environment::~Environment() { MPI_Finalize(); }

Comm::Comm(std::unique_ptr<State> state) : state_(std::move(state)) {}
Comm::Comm(Comm&&) noexcept = default;
Comm& Comm::operator=(Comm&&) noexcept = default;
Comm::~Comm() = default;

Comm Comm::world() {
  return Comm(std::make_unique<State>(MPI_COMM_WORLD, false, std::make_shared<Background>()));
}
Comm Comm::self() {
  return Comm(std::make_unique<State>(MPI_COMM_SELF, false, std::make_shared<Background>()));
}
int Comm::rank() const { return state_->rank; }
int Comm::size() const { return state_->size; }
Background& Comm::background() const { return *state_->background; }
void Comm::set_piece(std::size_t bytes) { state_->piece = bytes; }

std::optional<Comm> Comm::split(int color) const {
  barrier();  // ranks blocked in MPI show no sign of life, so all must have come
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split(state_->comm, color < 0 ? MPI_UNDEFINED : color, rank(), &part),
        "MPI_Comm_split");
  if (part == MPI_COMM_NULL) return std::nullopt;
  return Comm(std::make_unique<State>(part, true, state_->background));
}

Comm Comm::split_by_node() const {
  barrier();
  MPI_Comm part = MPI_COMM_NULL;
  check(MPI_Comm_split_type(state_->comm, MPI_COMM_TYPE_SHARED, rank(), MPI_INFO_NULL, &part),
        "MPI_Comm_split_type");
  return Comm(std::make_unique<State>(part, true, state_->background));
}

Comm Comm::duplicate() const {
  barrier();
  MPI_Comm copy = MPI_COMM_NULL;
  check(MPI_Comm_dup(state_->comm, &copy), "MPI_Comm_dup");
  return Comm(std::make_unique<State>(copy, true, state_->background));
}

Request Comm::isend(std::span<std::byte const> bytes, int to, int tag) const {
  Request request(state_->background);
  in_pieces(bytes, state_->piece, [&](std::span<std::byte const> piece) {
    check(MPI_Isend(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, to, tag, state_->comm,
                    &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
          "MPI_Isend");
  });
  return request;
}

Request Comm::ireceive(std::span<std::byte> bytes, int from, int tag) const {
  Request request(state_->background);
  in_pieces(bytes, state_->piece, [&](std::span<std::byte> piece) {
    check(MPI_Irecv(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, from, tag, state_->comm,
                    &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
          "MPI_Irecv");
  });
  return request;
}

void Comm::send(std::span<std::byte const> bytes, int to, int tag) const {
  isend(bytes, to, tag).wait();
}

void Comm::receive(std::span<std::byte> bytes, int from, int tag) const {
  ireceive(bytes, from, tag).wait();
}

std::optional<Envelope> Comm::probe(int from, int tag) const {
  int waiting = 0;
  MPI_Status status;
  check(MPI_Iprobe(from < 0 ? MPI_ANY_SOURCE : from, tag < 0 ? MPI_ANY_TAG : tag, state_->comm,
                   &waiting, &status),
        "MPI_Iprobe");
  if (waiting == 0) return std::nullopt;
  int count = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
  return Envelope{status.MPI_SOURCE, status.MPI_TAG, count};
}

Envelope Comm::wait_for(int from, int tag) const {
  for (Nap nap;; nap()) {
    if (auto const envelope = probe(from, tag)) return *envelope;
    state_->background->wait();
  }
}

void Comm::barrier() const {
  Request request(state_->background);
  check(MPI_Ibarrier(state_->comm, &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
        "MPI_Ibarrier");
  request.wait();
}

Request Comm::ibroadcast(std::span<std::byte> bytes, int root) const {
  Request request(state_->background);
  in_pieces(bytes, state_->piece, [&](std::span<std::byte> piece) {
    check(MPI_Ibcast(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, root, state_->comm,
                     &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
          "MPI_Ibcast");
  });
  return request;
}

void Comm::broadcast(std::span<std::byte> bytes, int root) const { ibroadcast(bytes, root).wait(); }

Request Comm::ireduce_sum(std::span<std::int64_t> values, int root) const {
  require(values.size() * sizeof(std::int64_t) <= kPiece, "a bucket of a sum is at most 1 GiB");
  Request request(state_->background);
  bool const at_root = rank() == root;
  check(MPI_Ireduce(at_root ? MPI_IN_PLACE : values.data(), at_root ? values.data() : nullptr,
                    static_cast<int>(values.size()), MPI_INT64_T, MPI_SUM, root, state_->comm,
                    &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
        "MPI_Ireduce");
  return request;
}

std::vector<std::int64_t> Comm::all_gather(std::int64_t value) const {
  std::vector<std::int64_t> all(static_cast<std::size_t>(size()));
  Request request(state_->background);
  check(MPI_Iallgather(&value, 1, MPI_INT64_T, all.data(), 1, MPI_INT64_T, state_->comm,
                       &request.state_->pending.emplace_back(MPI_REQUEST_NULL)),
        "MPI_Iallgather");
  request.wait();
  return all;
}

std::vector<std::string> Comm::all_gather(std::string const& text) const {
  std::vector<std::string> all;
  for (int from = 0; from < size(); ++from) all.push_back(broadcast(text, from));
  return all;
}

std::string Comm::broadcast(std::string const& text, int root) const {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast(std::as_writable_bytes(std::span(&length, 1)), root);
  std::string copy = rank() == root ? text : std::string(static_cast<std::size_t>(length), '\0');
  broadcast(std::as_writable_bytes(std::span(copy)), root);
  return copy;
}

struct SharedMemory::State {
  MPI_Win window = MPI_WIN_NULL;
  std::span<std::byte> bytes;
  ~State() {
    if (window != MPI_WIN_NULL && std::uncaught_exceptions() == 0) MPI_Win_free(&window);
  }
};

SharedMemory::SharedMemory(Comm const& node, std::int64_t bytes)
    : state_(std::make_unique<State>()) {
  node.barrier();
  void* base = nullptr;
  auto const mine = static_cast<MPI_Aint>(node.rank() == 0 ? bytes : 0);
  check(MPI_Win_allocate_shared(mine, 1, MPI_INFO_NULL, node.state_->comm, &base, &state_->window),
        "MPI_Win_allocate_shared");
  MPI_Aint size = 0;
  int unit = 1;
  check(MPI_Win_shared_query(state_->window, 0, &size, &unit, &base), "MPI_Win_shared_query");
  state_->bytes = {static_cast<std::byte*>(base), static_cast<std::size_t>(bytes)};
}

SharedMemory::SharedMemory(SharedMemory&&) noexcept = default;
SharedMemory::~SharedMemory() = default;
std::span<std::byte> SharedMemory::bytes() const { return state_->bytes; }

namespace {

/// The ranks of this node, seen from a signal's handler: their process ids in shared memory, and
/// whether one of them has reported an error. One at a time.
class NodeRanks {
 public:
  explicit NodeRanks(Comm const& node)
      : memory_(node, static_cast<std::int64_t>(sizeof(int)) * (1 + node.size())) {
    auto* const shared = reinterpret_cast<int*>(memory_.bytes().data());
    shared[1 + node.rank()] = ::getpid();
    if (node.rank() == 0) shared[0] = 0;
    node.barrier();
    reported_ = shared;
    processes_ = {shared + 1, static_cast<std::size_t>(node.size())};
    static constexpr stop::Others kOthers{reported, lost};
    stop::heed(&kOthers);
  }
  ~NodeRanks() { stop::heed(nullptr); }
  NodeRanks(NodeRanks const&) = delete;
  NodeRanks& operator=(NodeRanks const&) = delete;

  /// False where another rank has reported already.
  static bool report() { return __atomic_exchange_n(reported_, 1, __ATOMIC_RELAXED) == 0; }

 private:
  static bool reported() { return __atomic_load_n(reported_, __ATOMIC_RELAXED) != 0; }
  static bool lost() {
    return std::ranges::any_of(processes_,
                               [](int id) { return ::kill(id, 0) != 0 && errno == ESRCH; });
  }

  inline static int* reported_ = nullptr;
  inline static std::span<int const> processes_;
  SharedMemory memory_;
};

}  // namespace

int run_or_abort(std::function<int()> const& work) {
  auto const checked_work = [&] {
    int provided = MPI_THREAD_SINGLE;
    check(MPI_Query_thread(&provided), "MPI_Query_thread");
    require(
        provided >= MPI_THREAD_FUNNELED,
        library_version() +
            " cannot be used beside threads, which LibTorch starts; use an MPI library that can");
    return work();
  };
  bool const alone = Comm::world().size() == 1;
  if (alone) return log::report_errors(checked_work);
  NodeRanks const ranks(Comm::world().split_by_node());
  // Several ranks may fail at once, on a full disk say: one of them reports, the others wait for
  // the end it brings.
  auto const reports = [] {
    if (NodeRanks::report()) return true;
    std::this_thread::sleep_for(std::chrono::seconds(10));
    return false;
  };
  return log::report_errors(checked_work, reports,
                            [](int code) { MPI_Abort(MPI_COMM_WORLD, code); });
}

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  std::string const all(text, static_cast<std::size_t>(length));
  return all.substr(0, all.find(','));
}

}  // namespace fedstrata::mpi
