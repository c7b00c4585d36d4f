#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "moq/app/flags.h"
#include "moq/base/log.h"
#include "moq/mux/exporter.h"
#include "moq/mux/importer.h"
#include "moq/native/url.h"
#include "moq/net/path.h"

namespace moq::cli {

enum class Verb : std::uint8_t { import_media, export_media, fetch };

/// What the command line asks for.
struct Options {
  app::ClientFlags client;
  native::Url url;
  log::Level log_level = log::Level::info;
  net::Path broadcast;
  std::optional<std::uint64_t> hop;

  Verb verb = Verb::import_media;
  mux::Importer::Options import_media;
  mux::Exporter::Options export_media;
  /// `export`: how long a broadcast that has ended, or has left without an end, may take to come
  /// back. None: an ended one at once, one that left `kAbsence`.
  std::optional<Duration> linger;
  /// `export`: none = by the end of the broadcast's name.
  std::optional<hang::CatalogFormat> catalog_format;
  std::string track;                   ///< `fetch`: taken literally.
  std::optional<std::uint64_t> group;  ///< `fetch`: none = the newest.
  bool json = false;                   ///< `fetch`: one JSON object a frame.
};

/// A parsed command line: options, or what to say and how to end.
struct CommandLine {
  std::unique_ptr<Options> options;  ///< Null: print and exit.
  std::string out;
  std::string err;
  int exit_code = 0;
};

/// Reads arguments (without the program's name) and the environment.
CommandLine parse_command_line(std::vector<std::string> arguments);

}  // namespace moq::cli
