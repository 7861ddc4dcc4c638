#include "common/store/header.hpp"

#include <algorithm>
#include <sstream>
#include <vector>

#include "common/base/error.hpp"
#include "common/base/files.hpp"
#include "common/base/text.hpp"
#include "common/hdf5/file.hpp"

// What is known when a run begins and never changes: configuration, layers, data, who has which
// sample. Whatever is read from a file is checked against itself (offsets within the row, shapes
// that multiply to sizes) before anybody uses it as an index: files may be damaged, or made by
// somebody else.

namespace fedstrata {
namespace {

LayerType stored_type(std::string const& name) {
  auto const type = layer_type(name);
  require(type.has_value(), "unknown layer type '" + name + "' in /layers");
  return *type;
}

std::string shape_text(std::vector<std::int64_t> const& shape) {
  std::string text;
  for (auto const n : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(n);
  }
  return text;
}

std::vector<std::int64_t> parse_shape(std::string const& text) {
  std::vector<std::int64_t> shape;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, 'x');) {
    std::int64_t size = 0;
    require(read_number(part, size) && size >= 0, "a tensor has the shape '" + text + "'");
    shape.push_back(size);
  }
  return shape;
}

void check_slice(Slice const& slice, std::int64_t count, std::string const& name) {
  require(slice.offset >= 0 && slice.size >= 0 && slice.offset <= count - slice.size,
          name + " lies outside the " + std::to_string(count) + " elements of a row");
}

void check_tensors(std::vector<NamedTensor> const& tensors, std::int64_t count) {
  for (auto const& tensor : tensors) {
    check_slice(tensor.slice, count, tensor.name);
    auto elements = std::int64_t{1};
    bool fits = true;
    for (auto const n : tensor.shape)
      fits = fits && !__builtin_mul_overflow(elements, n, &elements);
    require(fits && elements == tensor.slice.size,
            tensor.name + " has another size than its shape");
  }
}

void check_table(LayerTable const& table) {
  require(table.parameter_count >= 0 && table.buffer_count >= 0, "a row has less than no elements");
  require(!table.layers.empty(), "the model has no layers");
  for (auto const& layer : table.layers) {
    check_slice(layer.parameters, table.parameter_count, layer.name);
    check_slice(layer.buffers, table.buffer_count, layer.name);
  }
  check_tensors(table.parameters, table.parameter_count);
  check_tensors(table.buffers, table.buffer_count);
}

void check_partition(Partition const& partition, DatasetInfo const& dataset) {
  auto const& offsets = partition.offsets;
  require(partition.clients() >= 1 && offsets.front() == 0 &&
              std::is_sorted(offsets.begin(), offsets.end()) &&
              offsets.back() == std::ssize(partition.indices),
          "/partition/offsets does not divide /partition/indices");
  for (auto const index : partition.indices)
    require(index >= 0 && index < dataset.train_count, "/partition/indices names sample " +
                                                           std::to_string(index) + " of " +
                                                           std::to_string(dataset.train_count));
  require(dataset.classes() >= 0 && std::ssize(partition.histogram) % partition.clients() == 0 &&
              std::ssize(partition.histogram) / partition.clients() == dataset.classes(),
          "/partition/histogram is not one of clients and classes");
}

template <std::size_t N>
FixedText<N> fixed(std::string const& text, FixedText<N> const&) {
  require(text.size() <= N, "name '" + text + "' is longer than the " + std::to_string(N) +
                                " characters that a run's tables hold");
  return text;
}

void write_tensors(hdf5::File& file, std::string const& name, LayerTable const& table,
                   std::vector<NamedTensor> const& tensors) {
  std::vector<TensorRecord> records;
  for (auto const& tensor : tensors) {
    TensorRecord record;
    record.name = fixed(tensor.name, record.name);
    record.layer = table.layers.at(static_cast<std::size_t>(tensor.layer)).name;
    record.offset = tensor.slice.offset;
    record.size = tensor.slice.size;
    record.shape = fixed(shape_text(tensor.shape), record.shape);
    records.push_back(record);
  }
  file.write_table<TensorRecord>(name, records);
}

std::vector<NamedTensor> read_tensors(hdf5::File const& file, std::string const& name,
                                      LayerTable const& table) {
  std::vector<NamedTensor> tensors;
  for (auto const& record : file.read_table<TensorRecord>(name)) {
    auto const layer = std::find_if(table.layers.begin(), table.layers.end(),
                                    [&](auto const& l) { return l.name == record.layer.str(); });
    require(layer != table.layers.end(), record.name.str() + " belongs to no layer");
    tensors.push_back({record.name.str(),
                       static_cast<int>(layer - table.layers.begin()),
                       {record.offset, record.size},
                       parse_shape(record.shape.str())});
  }
  return tensors;
}

void write_layers(hdf5::File& file, LayerTable const& table) {
  std::vector<LayerTableRecord> records;
  for (auto const& layer : table.layers) {
    LayerTableRecord record;
    record.name = fixed(layer.name, record.name);
    record.offset = layer.parameters.offset;
    record.size = layer.parameters.size;
    record.stage = layer.stage;
    record.type = text(layer.type);
    record.buffer_offset = layer.buffers.offset;
    record.buffer_size = layer.buffers.size;
    records.push_back(record);
  }
  file.write_table<LayerTableRecord>("/layers", records);
  write_tensors(file, "/parameters", table, table.parameters);
  write_tensors(file, "/buffers", table, table.buffers);
}

LayerTable read_layers(hdf5::File const& file) {
  LayerTable table;
  for (auto const& record : file.read_table<LayerTableRecord>("/layers"))
    table.layers.push_back({record.name.str(),
                            stored_type(record.type.str()),
                            {record.offset, record.size},
                            {record.buffer_offset, record.buffer_size},
                            static_cast<int>(record.stage)});
  table.parameters = read_tensors(file, "/parameters", table);
  table.buffers = read_tensors(file, "/buffers", table);
  table.parameter_count = file.integer("/", "parameters");
  table.buffer_count = file.integer("/", "buffers");
  return table;
}

void write_dataset(hdf5::File& file, DatasetInfo const& info, std::string const& checksum) {
  file.make_group("/dataset");
  file.set("/dataset", "name", info.name);
  file.set("/dataset", "task", info.task);
  file.set("/dataset", "shape", shape_text(info.shape));
  file.set("/dataset", "outputs", info.outputs);
  if (info.inputs == Inputs::pixels) {
    file.set("/dataset", "channels", info.shape.at(0));
    file.set("/dataset", "height", info.shape.at(1));
    file.set("/dataset", "width", info.shape.at(2));
  }
  if (info.targets == Targets::labels) file.set("/dataset", "classes", info.outputs);
  file.set("/dataset", "train_count", info.train_count);
  file.set("/dataset", "test_count", info.test_count);
  if (!info.mean.empty()) {
    file.set("/dataset", "mean", std::span(info.mean));
    file.set("/dataset", "std", std::span(info.std));
  }
  file.set("/dataset", "checksum", checksum);
}

DatasetInfo read_dataset(hdf5::File const& file) {
  DatasetInfo info;
  info.name = file.text("/dataset", "name");
  auto const has = [&](char const* name) { return file.has_attribute("/dataset", name); };
  auto const number = [&](char const* name) { return file.integer("/dataset", name); };
  if (has("task")) {
    info.task = file.text("/dataset", "task");
    info.inputs = has("channels") ? Inputs::pixels : Inputs::features;
    info.targets = has("classes") ? Targets::labels : Targets::values;
    info.shape = parse_shape(file.text("/dataset", "shape"));
    info.outputs = number("outputs");
    require(info.inputs != Inputs::pixels || info.shape.size() == 3,
            "/dataset has images of shape " + shape_text(info.shape));
  } else {  // before there were tasks
    info.shape = {number("channels"), number("height"), number("width")};
    info.outputs = number("classes");
  }
  info.train_count = file.integer("/dataset", "train_count");
  info.test_count = file.integer("/dataset", "test_count");
  if (has("mean")) {
    info.mean = file.numbers("/dataset", "mean");
    info.std = file.numbers("/dataset", "std");
  }
  return info;
}

void write_partition(hdf5::File& file, Partition const& partition, std::int64_t classes) {
  file.write_integers("/partition/offsets", partition.offsets, {std::ssize(partition.offsets)});
  file.write_integers("/partition/indices", partition.indices, {std::ssize(partition.indices)});
  file.write_integers("/partition/histogram", partition.histogram, {partition.clients(), classes});
}

RunHeader header_of(hdf5::File const& file) {
  RunHeader header;
  header.config_text = file.text("/", "config");
  header.seed = static_cast<std::uint64_t>(file.integer("/", "seed"));
  header.model = file.text("/", "model");
  header.dataset = read_dataset(file);
  if (file.has_attribute("/dataset", "checksum")) {
    header.data_checksum = file.text("/dataset", "checksum");
  }
  header.table = read_layers(file);
  header.partition.offsets = file.read_integers("/partition/offsets");
  header.partition.indices = file.read_integers("/partition/indices");
  header.partition.histogram = file.read_integers("/partition/histogram");
  header.provenance = file.read_table<ProvenanceRecord>("/provenance");
  require(!header.provenance.empty(), "it names no start of the run");
  check_table(header.table);
  check_partition(header.partition, header.dataset);
  return header;
}

}  // namespace

void set_root_attributes(hdf5::File& file, RunHeader const& header) {
  file.set("/", "format", std::string("fedstrata"));
  file.set("/", "format_version", kFormatVersion);
  file.set("/", "software_version", header.provenance.back().version.str());
  file.set("/", "seed", static_cast<std::int64_t>(header.seed));
  file.set("/", "config", header.config_text);
  file.set("/", "model", header.model);
  file.set("/", "dataset", header.dataset.name);
  file.set("/", "clients", header.partition.clients());
  file.set("/", "parameters", header.table.parameter_count);
  file.set("/", "buffers", header.table.buffer_count);
}

bool is_data_of(RunHeader const& header, DatasetView const& data) {
  return header.dataset.name == data.info.name &&
         header.dataset.train_count == data.info.train_count &&
         header.dataset.test_count == data.info.test_count &&
         (header.data_checksum.empty() || header.data_checksum == content_checksum(data));
}

void write_header(std::filesystem::path const& path, RunHeader const& header) {
  require(!header.provenance.empty(), "a header without a start of the run");
  auto file = hdf5::File::create(path);
  set_root_attributes(file, header);
  file.write_table<ProvenanceRecord>("/provenance", header.provenance);
  write_layers(file, header.table);
  write_dataset(file, header.dataset, header.data_checksum);
  write_partition(file, header.partition, header.dataset.classes());
  file.close();
}

RunHeader read_header(std::filesystem::path const& path) {
  return reading(path, [&] { return header_of(hdf5::File::open(path)); });
}

}  // namespace fedstrata
