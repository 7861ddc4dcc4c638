#include "common/store/records.hpp"

#include <concepts>

namespace fedstrata {
namespace {

template <class Record, class Member>
Field field(char const* name, Member Record::*member) {
  static Record const record{};
  auto const offset = static_cast<std::size_t>(reinterpret_cast<char const*>(&(record.*member)) -
                                               reinterpret_cast<char const*>(&record));
  if constexpr (std::same_as<Member, std::int64_t>)
    return {name, offset, FieldType::int64, sizeof(Member)};
  else if constexpr (std::same_as<Member, double>)
    return {name, offset, FieldType::float64, sizeof(Member)};
  else
    return {name, offset, FieldType::text, sizeof(Member)};
}

}  // namespace

std::span<Field const> RoundRecord::fields() {
  using R = RoundRecord;
  static std::array const all{
      field("round", &R::round),
      field("lr", &R::lr),
      field("train_loss", &R::train_loss),
      field("train_accuracy", &R::train_accuracy),
      field("test_loss", &R::test_loss),
      field("test_accuracy", &R::test_accuracy),
      field("participants", &R::participants),
      field("bytes", &R::bytes),
      field("test_loss_before", &R::test_loss_before),
      field("test_loss_after", &R::test_loss_after),
      field("test_accuracy_before", &R::test_accuracy_before),
      field("test_accuracy_after", &R::test_accuracy_after),
      field("test_accuracy_local_before", &R::test_accuracy_local_before),
      field("test_accuracy_local_after", &R::test_accuracy_local_after),
      field("test_accuracy_before_worst", &R::test_accuracy_before_worst),
      field("test_accuracy_after_worst", &R::test_accuracy_after_worst),
      field("test_accuracy_local_before_worst", &R::test_accuracy_local_before_worst),
      field("test_accuracy_local_after_worst", &R::test_accuracy_local_after_worst),
      field("seconds_train", &R::seconds_train),
      field("seconds_aggregate", &R::seconds_aggregate),
      field("seconds_wait", &R::seconds_wait),
      field("seconds_evaluate", &R::seconds_evaluate),
      field("seconds_round", &R::seconds_round)};
  return all;
}

std::span<Field const> ClientRecord::fields() {
  using R = ClientRecord;
  static std::array const all{field("round", &R::round),
                              field("client", &R::client),
                              field("samples", &R::samples),
                              field("train_loss", &R::train_loss),
                              field("train_accuracy", &R::train_accuracy),
                              field("distance", &R::distance),
                              field("test_loss_before", &R::test_loss_before),
                              field("test_loss_after", &R::test_loss_after),
                              field("test_accuracy_before", &R::test_accuracy_before),
                              field("test_accuracy_after", &R::test_accuracy_after),
                              field("test_accuracy_local_before", &R::test_accuracy_local_before),
                              field("test_accuracy_local_after", &R::test_accuracy_local_after),
                              field("excluded", &R::excluded),
                              field("seconds_train", &R::seconds_train),
                              field("run_rank", &R::run_rank)};
  return all;
}

std::span<Field const> LayerRecord::fields() {
  using R = LayerRecord;
  static std::array const all{field("round", &R::round), field("layer", &R::layer),
                              field("averaged", &R::averaged), field("divergence", &R::divergence),
                              field("cosine", &R::cosine)};
  return all;
}

std::span<Field const> ProvenanceRecord::fields() {
  using R = ProvenanceRecord;
  static std::array const all{
      field("version", &R::version),       field("build", &R::build),
      field("libraries", &R::libraries),   field("cpu", &R::cpu),
      field("hosts", &R::hosts),           field("slurm_job", &R::slurm_job),
      field("start_time", &R::start_time), field("ranks", &R::ranks)};
  return all;
}

std::span<Field const> PointRecord::fields() {
  using R = PointRecord;
  static std::array const all{field("round", &R::round),
                              field("split", &R::split),
                              field("kind", &R::kind),
                              field("target", &R::target),
                              field("a", &R::a),
                              field("b", &R::b),
                              field("round_b", &R::round_b),
                              field("other_run", &R::other_run),
                              field("rest", &R::rest),
                              field("draw", &R::draw),
                              field("alpha", &R::alpha),
                              field("loss", &R::loss),
                              field("error", &R::error)};
  return all;
}

std::span<Field const> BarrierRecord::fields() {
  using R = BarrierRecord;
  static std::array const all{field("round", &R::round),
                              field("split", &R::split),
                              field("kind", &R::kind),
                              field("target", &R::target),
                              field("a", &R::a),
                              field("b", &R::b),
                              field("round_b", &R::round_b),
                              field("other_run", &R::other_run),
                              field("rest", &R::rest),
                              field("draw", &R::draw),
                              field("loss_mid", &R::loss_mid),
                              field("loss_path", &R::loss_path),
                              field("alpha_path", &R::alpha_path),
                              field("loss_swap", &R::loss_swap),
                              field("error_mid", &R::error_mid),
                              field("error_path", &R::error_path),
                              field("error_swap", &R::error_swap),
                              field("loss_a", &R::loss_a),
                              field("loss_b", &R::loss_b),
                              field("error_a", &R::error_a),
                              field("error_b", &R::error_b),
                              field("samples", &R::samples),
                              field("loss_mid_low", &R::loss_mid_low),
                              field("loss_mid_high", &R::loss_mid_high),
                              field("loss_path_low", &R::loss_path_low),
                              field("loss_path_high", &R::loss_path_high),
                              field("loss_swap_low", &R::loss_swap_low),
                              field("loss_swap_high", &R::loss_swap_high),
                              field("error_mid_low", &R::error_mid_low),
                              field("error_mid_high", &R::error_mid_high),
                              field("error_path_low", &R::error_path_low),
                              field("error_path_high", &R::error_path_high),
                              field("error_swap_low", &R::error_swap_low),
                              field("error_swap_high", &R::error_swap_high),
                              field("loss_sup", &R::loss_sup),
                              field("alpha_sup", &R::alpha_sup),
                              field("loss_predicted", &R::loss_predicted),
                              field("layers", &R::layers)};
  return all;
}

std::span<Field const> SkippedRecord::fields() {
  using R = SkippedRecord;
  static std::array const all{field("round", &R::round), field("a", &R::a), field("b", &R::b),
                              field("reason", &R::reason)};
  return all;
}

std::span<Field const> GeometryRecord::fields() {
  using R = GeometryRecord;
  static std::array const all{field("round", &R::round),
                              field("layer", &R::layer),
                              field("a", &R::a),
                              field("b", &R::b),
                              field("distance", &R::distance),
                              field("cosine", &R::cosine),
                              field("norm_a", &R::norm_a),
                              field("norm_b", &R::norm_b),
                              field("norm_ratio", &R::norm_ratio)};
  return all;
}

std::span<Field const> SpreadRecord::fields() {
  using R = SpreadRecord;
  static std::array const all{field("round", &R::round), field("layer", &R::layer),
                              field("index", &R::index),
                              field("singular_value", &R::singular_value)};
  return all;
}

std::span<Field const> PlaneRecord::fields() {
  using R = PlaneRecord;
  static std::array const all{
      field("round", &R::round), field("split", &R::split), field("target", &R::target),
      field("a", &R::a),         field("b", &R::b),         field("c", &R::c),
      field("rest", &R::rest),   field("u", &R::u),         field("v", &R::v),
      field("x", &R::x),         field("y", &R::y),         field("loss", &R::loss),
      field("error", &R::error)};
  return all;
}

std::span<Field const> PermutationRecord::fields() {
  using R = PermutationRecord;
  static std::array const all{field("round", &R::round), field("a", &R::a),
                              field("b", &R::b),         field("group", &R::group),
                              field("place", &R::place), field("unit", &R::unit)};
  return all;
}

std::span<Field const> UnitAxisRecord::fields() {
  using R = UnitAxisRecord;
  static std::array const all{field("round", &R::round), field("tensor", &R::tensor),
                              field("axis", &R::axis), field("group", &R::group)};
  return all;
}

std::span<Field const> LayerTableRecord::fields() {
  using R = LayerTableRecord;
  static std::array const all{field("name", &R::name),
                              field("offset", &R::offset),
                              field("size", &R::size),
                              field("stage", &R::stage),
                              field("type", &R::type),
                              field("buffer_offset", &R::buffer_offset),
                              field("buffer_size", &R::buffer_size)};
  return all;
}

std::span<Field const> TensorRecord::fields() {
  using R = TensorRecord;
  static std::array const all{field("name", &R::name), field("layer", &R::layer),
                              field("offset", &R::offset), field("size", &R::size),
                              field("shape", &R::shape)};
  return all;
}

std::span<Field const> FileRecord::fields() {
  using R = FileRecord;
  static std::array const all{field("name", &R::name), field("bytes", &R::bytes),
                              field("checksum", &R::checksum),
                              field("run_modified", &R::run_modified)};
  return all;
}

}  // namespace fedstrata
