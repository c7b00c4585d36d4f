#pragma once

#include <string>
#include <vector>

#include "moq/base/time.h"
#include "moq/conformance/door.h"
#include "moq/conformance/peer.h"

namespace moq::conformance {

/// What the command line asks for.
struct Options {
  End end = End::relay;
  Target target;                    ///< The relay,
  std::optional<DoorOptions> door;  ///< or where clients come in.
  std::string track;                ///< Of a client that publishes; empty = as its catalog says.
  std::string cert_file;            ///< Shown to clients; empty = one is made.
  std::string key_file;
  transport::tls::ClientTlsOptions tls;
  std::vector<std::string> versions;  ///< Empty = all.
  std::vector<std::string>
      filters;             ///< Patterns of case names, of which one must fit; empty = all.
  Duration timeout = 30s;  ///< Of each wait of a case.
  bool list = false;
  bool help = false;
};

/// How the program is called.
extern const std::string_view kUsage;

/// Reads the arguments, without the program's name. `bad_config` says what is wrong.
Result<Options> parse_options(const std::vector<std::string>& arguments);

/// Whether a case is asked for.
bool is_chosen(const Options& options, const std::string& version, std::string_view name);

}  // namespace moq::conformance
