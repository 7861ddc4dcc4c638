#include "common/config/syntax.hpp"

#include <boost/program_options.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/base/error.hpp"
#include "common/base/text.hpp"

namespace fedstrata {

namespace po = boost::program_options;

std::string read_input(std::string const& path, std::string const& what, std::string const& where) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  // A directory opens, but cannot be read.
  bool const read = file &&
                    (file.peek() == std::ifstream::traits_type::eof() || text << file.rdbuf()) &&
                    !file.bad();
  std::string const reason = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
  require_input(read, where + path + ": cannot be read" + reason + beginning_of(path) +
                          "; give the path of a " + what);
  return text.str();
}

Arguments read_arguments(std::string const& command, std::vector<std::string> const& words,
                         std::vector<OptionText> const& options) {
  std::string const see = " (see fedstrata " + command + " --help)";
  po::options_description known;
  for (auto const& option : options) {
    std::string const name = option.name == "help" ? "help,h" : option.name;
    if (option.argument.empty())
      known.add_options()(name.c_str(), "");
    else
      known.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
  }
  known.add_options()("target", po::value<std::vector<std::string>>());
  Arguments result;
  try {
    namespace style = po::command_line_style;
    auto const parsed = po::command_line_parser(words)
                            .options(known)
                            .positional(po::positional_options_description().add("target", -1))
                            .style(style::default_style & ~style::allow_guessing)
                            .run();
    po::variables_map given;  // which refuses, by itself, what cannot be given
    po::store(parsed, given);
    for (auto const& [name, value] : given) {
      auto& values = name == "target" ? result.others : result.options[name];
      if (auto const* texts = boost::any_cast<std::vector<std::string>>(&value.value())) {
        values = *texts;
      }
    }
  } catch (po::unknown_option const& error) {
    std::vector<std::string> names;
    for (auto const& option : options) names.push_back("--" + option.name);
    throw InputError(command + ": unknown option " + error.get_option_name() +
                     suggestion(error.get_option_name(), names) + see);
  } catch (po::invalid_command_line_syntax const& error) {
    using Syntax = po::invalid_syntax;
    bool const lacks_value = error.kind() == Syntax::empty_adjacent_parameter ||
                             error.kind() == Syntax::missing_parameter;
    throw InputError(
        command + ": " +
        (lacks_value ? error.get_option_name() + " needs a value" : std::string(error.what())) +
        see);
  } catch (po::error const& error) {
    throw InputError(command + ": " + error.what() + see);
  }
  return result;
}

}  // namespace fedstrata
