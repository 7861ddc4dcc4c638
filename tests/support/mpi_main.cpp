#include <gtest/gtest.h>

#include <cstdio>

#include "common/mpi/comm.hpp"

// Runs the cases on every rank; only rank 0 reports passes, every rank its failures. The program
// fails when any rank failed or when no case ran.
int main(int argc, char** argv) {
  fedstrata::mpi::Environment const environment(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  auto const world = fedstrata::mpi::Comm::world();
  if (world.rank() != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
  }
  return fedstrata::mpi::run_or_abort([&] {
    int const mine = RUN_ALL_TESTS();
    bool const none = testing::UnitTest::GetInstance()->test_to_run_count() == 0;
    auto const* unit = testing::UnitTest::GetInstance();
    for (int i = 0; i < unit->total_test_suite_count(); ++i) {
      auto const* suite = unit->GetTestSuite(i);
      for (int j = 0; j < suite->total_test_count(); ++j) {
        auto const* result = suite->GetTestInfo(j)->result();
        for (int k = 0; world.rank() != 0 && k < result->total_part_count(); ++k) {
          auto const& part = result->GetTestPartResult(k);
          if (part.failed()) std::fprintf(stderr, "rank %d: %s\n", world.rank(), part.summary());
        }
      }
    }
    for (auto const failed : world.all_gather(mine + (none ? 1 : 0))) {
      if (failed != 0) return 1;
    }
    return 0;
  });
}
