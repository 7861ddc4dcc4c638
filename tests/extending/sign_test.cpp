#include "extending/sign.cpp"

#include <gtest/gtest.h>

#include "tests/support/model_fixture.hpp"

namespace fedstrata {
namespace {

TEST(Extending, local_algorithm) {
  auto const model = make_model({.name = "mlp", .hidden = {3}}, kGrey);
  auto const optimizer = make_sign({.momentum = 0.5});
  StateLayout const layout(model.table(), optimizer->fields());
  auto const parameters = layout.parameters().size;
  EXPECT_EQ(layout.size(), 2 * parameters);
  auto const state = at::zeros({layout.size()});
  optimizer->attach({.model = &model, .layout = layout, .state = state});
  optimizer->step(at::ones({parameters}), 0.25);
  optimizer->step(at::full({parameters}, -3.0F), 0.25);  // mean 0.5 then -1.25
  EXPECT_TRUE(at::equal(state.narrow(0, 0, parameters), at::zeros({parameters})));
  EXPECT_TRUE(at::equal(state.narrow(0, parameters, parameters), at::full({parameters}, -1.25F)));
}

}  // namespace
}  // namespace fedstrata
