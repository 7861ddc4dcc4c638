#include "experiments/commands/manual.hpp"

#include <sstream>

#include "common/base/text.hpp"
#include "common/base/version.hpp"
#include "common/config/keys.hpp"

namespace fedstrata {
namespace {

/// As troff prints it as it is: a dash that can be copied, no line that is a request.
std::string plain(std::string const& text) {
  std::string result;
  bool begins = true;
  for (char const c : text) {
    if (begins && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    begins = c == '\n';
  }
  return result;
}

std::string bold(std::string const& text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string const& text) { return "\\fI" + plain(text) + "\\fR"; }

/// A sentence of a list: first letter as it is, a full stop behind.
std::string sentence(std::string const& text) { return plain(text) + (text.empty() ? "" : "."); }

/// Paragraphs as they are written in a program: an empty line is a new one, and troff itself begins
/// a new line where one is indented.
std::string paragraphs(std::string const& text) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    result += (line.empty() ? ".PP" : plain(line)) + "\n";
  }
  return result;
}

std::string synopsis(std::vector<ProgramCommand> const& commands) {
  std::string result;
  for (auto const& command : commands) {
    result += bold("fedstrata " + command.text.name) + " " + italic(arguments_of(command.text)) +
              " [" + italic("options") + "]\n.br\n";
  }
  return result + bold("fedstrata help") + " [" + italic("COMMAND") + "]\n.br\n" +
         bold("fedstrata --help") + " | " + bold("--version") + " | " + bold("--man") + " | " +
         bold("--completion bash") + "\n";
}

std::string command_section(ProgramCommand const& command) {
  std::ostringstream out;
  out << ".SS \"" << plain(command.text.name + " " + arguments_of(command.text)) << "\"\n"
      << sentence(command.text.summary) << "\n.PP\n"
      << paragraphs(command.text.details);
  for (auto const& option : command.options) {
    out << ".TP\n" << bold("--" + option.name);
    if (!option.argument.empty()) out << ' ' << italic(option.argument);
    out << '\n' << sentence(option.help) << '\n';
  }
  out << ".PP\nExample:\n.PP\n.RS\n.nf\n" << plain(command.text.example) << "\n.fi\n.RE\n";
  return out.str();
}

template <class Owner>
std::string key_entry(Key<Owner> const& key, std::string const& name) {
  static Owner const defaults;
  return ".TP\n" + bold(name) + " = " + plain(key.get(defaults)) + "\n" + sentence(key.help) +
         "\n.br\n" + plain(key.allowed) + (key.unit.empty() ? "" : "; " + plain(key.unit)) +
         "; affects " + join(names_of(key.effect), ", ") + "\n";
}

/// All keys: key = default, what it is, what it may hold.
std::string key_sections() {
  std::string result, section;
  for (auto const& key : config_keys()) {
    auto const dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      result += ".SS [" + section + "]\n";
    }
    result += key_entry(key, key.name.substr(dot + 1));
  }
  result +=
      ".SS [average.NAME]\nA group of layers that are averaged together; with no such section, one "
      "group of all layers,\nevery round.\n";
  for (auto const& key : group_keys()) result += key_entry(key, key.name);
  return result;
}

}  // namespace

std::string manual(std::vector<ProgramCommand> const& commands) {
  std::ostringstream out;
  out << ".TH FEDSTRATA 1 \"\" \"fedstrata " << plain(software_version())
      << "\" \"User Commands\"\n"
         ".SH NAME\n"
         "fedstrata \\- federated learning over MPI, averaged layer by layer, and its loss "
         "barriers\n"
         ".SH SYNOPSIS\n"
      << synopsis(commands)
      << ".SH DESCRIPTION\n"
         "Simulates federated learning and measures, layer by layer, what averaging models costs.\n"
         "An experiment is one file of settings, a run one directory of HDF5 files.\n"
         ".SH COMMANDS\n";
  for (auto const& command : commands) out << command_section(command);
  out << ".SH CONFIGURATION\n"
         "A file has sections in brackets and lines\n"
      << italic("key = value") << ";\ncomments start with #.\n"
      << bold("--set") << " " << italic("section.key=value")
      << " sets one on the command line.\n"
         "Below stands each key with its default, what it is, what it may hold, and what it "
         "affects.\n"
      << key_sections()
      << ".SH \"EXIT STATUS\"\n"
         ".TP\n0\nDone, also when there was nothing left to do.\n"
         ".TP\n1\nSomething failed in mid\\-run; what is stored stays valid.\n"
         ".TP\n2\nBad usage, configuration or input, found before anything was made.\n"
         ".TP\n3\nStopped in order; to be resumed.\n"
         ".SH FILES\n"
         "Where it is installed, beside the directory of the program:\n"
         ".TP\n.I share/fedstrata/experiments\nExamples, to be copied or named.\n"
         ".TP\n.I share/fedstrata/slurm\nBatch scripts.\n"
         ".TP\n.I share/doc/fedstrata\nAll documentation; README.md is where to begin.\n"
         ".SH \"SEE ALSO\"\n.BR mpirun (1),\n.BR sbatch (1)\n";
  return out.str();
}

}  // namespace fedstrata
