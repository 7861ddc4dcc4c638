// The exact weighted mean of 20 rows of 11.2 million parameters (resnet18), end to end: rank 0
// coordinates, the others hold the rows. Against copying the same rows once.
#include <cstring>
#include <numeric>

#include "common/base/error.hpp"
#include "common/base/random.hpp"
#include "common/base/stopwatch.hpp"
#include "common/federation/exact_sum.hpp"
#include "common/mpi/comm.hpp"
#include "experiments/benchmarks/timing.hpp"

namespace fedstrata::benchmarks {
namespace {

constexpr std::int64_t kClients = 20;
constexpr std::int64_t kLayers = 21;

/// A few different rows stand for all clients, so that the benchmark fits small machines.
struct Rows {
  std::vector<std::vector<float>> rows;

  Rows(std::size_t distinct, std::size_t size) : rows(distinct, std::vector<float>(size)) {
    Random random(1, Purpose::initialization);
    for (auto& row : rows) {
      for (auto& value : row) value = static_cast<float>(random.uniform()) - 0.5F;
    }
  }
  std::vector<float> const& of(std::int64_t client) const {
    return rows[static_cast<std::size_t>(client) % rows.size()];
  }
};

PackedParts equal_layers(std::int64_t parameters) {
  std::vector<StatePart> parts;
  for (std::int64_t layer = 0; layer < kLayers; ++layer) {
    auto const begin = parameters * layer / kLayers;
    parts.push_back({static_cast<int>(layer), {begin, parameters * (layer + 1) / kLayers - begin}});
  }
  return PackedParts(parts);
}

/// Seconds from a common start until the last rank is done.
double together(mpi::Comm const& world, std::function<void()> const& work) {
  world.barrier();
  Stopwatch const watch;
  work();
  world.barrier();
  return watch.seconds();
}

void add_mine(ExactSum& sum, mpi::Comm const& world, Rows const& rows) {
  int const workers = world.size() - 1;
  for (std::int64_t client = world.rank() - 1; client < kClients; client += workers) {
    require(sum.add(rows.of(client), 1.0 / kClients) < 0, "a row does not fit the sum");
  }
}

void copy_mine(mpi::Comm const& world, Rows const& rows, std::vector<float>& to) {
  int const workers = world.size() - 1;
  for (std::int64_t client = world.rank() - 1; client < kClients; client += workers) {
    std::memcpy(to.data(), rows.of(client).data(), to.size() * sizeof(float));
  }
}

void measure(std::int64_t parameters, int repeats) {
  auto const world = mpi::Comm::world();
  require(world.size() >= 2, "start this program on at least 2 ranks");
  bool const works = world.rank() > 0;
  auto const size = static_cast<std::size_t>(parameters);
  Rows const rows(works ? 2 : 1, size);
  std::vector<float> const reference = rows.of(0);
  std::vector<float> mean(size), copy(size);
  auto const parts = equal_layers(parameters);
  ExactSum sum;
  Durations add, all, copies;
  for (int repeat = -1; repeat < repeats; ++repeat) {
    double adding = 0.0;
    double const whole = together(world, [&] {
      Stopwatch const watch;
      sum.start(parts, reference);
      if (works) add_mine(sum, world, rows);
      adding = watch.seconds();
      sum.average(
          world, [] { return std::vector{1.0}; }, mean);
    });
    double const copying = together(world, [&] {
      if (works) copy_mine(world, rows, copy);
    });
    auto const slowest = world.all_gather(static_cast<std::int64_t>(1e9 * adding));
    if (repeat < 0) continue;
    add.seconds.push_back(1e-9 * static_cast<double>(*std::ranges::max_element(slowest)));
    all.seconds.push_back(whole);
    copies.seconds.push_back(copying);
  }
  if (world.rank() != 0) return;
  double const moved = 2.0 * kClients * static_cast<double>(size * sizeof(float));
  print_row({std::to_string(world.size() - 1), fixed(1e-6 * static_cast<double>(parameters), 1),
             fixed(all.median(), 3), fixed(all.best(), 3), fixed(add.median(), 3),
             fixed(copies.median(), 3), fixed(1e-9 * moved / copies.median(), 1),
             fixed(100.0 * copies.median() / all.median(), 0) + " %"});
}

}  // namespace
}  // namespace fedstrata::benchmarks

int main(int argc, char** argv) {
  using namespace fedstrata;
  mpi::Environment const environment(argc, argv);
  return mpi::run_or_abort([&] {
    bool const tiny = benchmarks::Options(argc, argv, false).tiny;
    if (mpi::Comm::world().rank() == 0) {
      benchmarks::print_head({"client ranks", "parameters, M", "in all, s (median)",
                              "in all (best)", "adding 20 rows, s", "copying 20 rows, s",
                              "copying, GB/s", "share of the copy bandwidth"});
    }
    benchmarks::measure(tiny ? 10'000 : 11'164'362, tiny ? 1 : 9);
    return 0;
  });
}
