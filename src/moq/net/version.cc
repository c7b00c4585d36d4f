#include "moq/net/version.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace moq::net {
namespace {

struct Names {
  Version version;
  std::string_view name;
  std::string_view alpn;
};

constexpr std::string_view kLegacyAlpn = "moql";
constexpr std::array kNames{
    Names{Version::lite_01, "moq-lite-01", kLegacyAlpn},
    Names{Version::lite_02, "moq-lite-02", kLegacyAlpn},
    Names{Version::lite_03, "moq-lite-03", "moq-lite-03"},
    Names{Version::lite_04, "moq-lite-04", "moq-lite-04"},
    Names{Version::lite_05, "moq-lite-05", "moq-lite-05"},
    Names{Version::lite_06, "moq-lite-06", "moq-lite-06"},
    Names{Version::lite_07_wip, "moq-lite-07-wip", "moq-lite-07-wip"},
    Names{Version::moqt_14, "moqt-14", "moq-00"},
    Names{Version::moqt_15, "moqt-15", "moqt-15"},
    Names{Version::moqt_16, "moqt-16", "moqt-16"},
    Names{Version::moqt_17, "moqt-17", "moqt-17"},
    Names{Version::moqt_18, "moqt-18", "moqt-18"},
    Names{Version::moqt_19, "moqt-19", "moqt-19"},
    Names{Version::moqt_20, "moqt-20", "moqt-20"},
    Names{Version::moqt_21, "moqt-21", "moqt-21"},
    Names{Version::moqt_22, "moqt-22", "moqt-22"},
};

constexpr std::array kDefault{Version::lite_06, Version::lite_05, Version::lite_04,
                              Version::lite_03, Version::lite_02, Version::lite_01};

constexpr std::uint64_t kLiteSetupCodeBase = 0xff0dad01;
constexpr std::uint64_t kDraftSetupCodeBase = 0xff000000;

const Names& names_of(Version version) { return kNames[std::to_underlying(version)]; }

}  // namespace

std::string_view to_string(Version version) { return names_of(version).name; }
std::string_view alpn_name(Version version) { return names_of(version).alpn; }

std::uint64_t setup_code(Version version) {
  if (is_moqt(version)) return kDraftSetupCodeBase + draft_number(version);
  return kLiteSetupCodeBase + std::to_underlying(version);
}

Result<Version> parse_version(std::string_view name) {
  std::string known;
  // The Rust programs write the drafts out, and a script moves over unchanged.
  constexpr std::string_view kLong = "moq-transport-";
  const std::string draft =
      name.starts_with(kLong) ? "moqt-" + std::string(name.substr(kLong.size())) : std::string();
  for (const Names& names : kNames) {
    if (names.name == name || names.name == draft) return names.version;
    known.append(known.empty() ? "" : ", ").append(names.name);
  }
  return fail(Code::bad_config, "unknown version '" + std::string(name) + "'; known are " + known);
}

std::string list_of(std::span<const Version> versions) {
  std::string out;
  for (const Version version : versions) {
    out.append(out.empty() ? "" : ", ").append(to_string(version));
  }
  return out;
}

std::span<const Version> default_versions() { return kDefault; }

std::vector<std::string_view> alpn_names(std::span<const Version> versions) {
  std::vector<std::string_view> out;
  for (const Version version : versions) {
    const std::string_view name = alpn_name(version);
    if (std::ranges::find(out, name) == out.end()) out.push_back(name);
  }
  return out;
}

Result<std::optional<Version>> version_of_protocol(std::string_view protocol,
                                                   std::span<const Version> enabled) {
  if (protocol.empty() || protocol == kLegacyAlpn) {
    if (std::ranges::any_of(enabled, has_legacy_setup)) return std::nullopt;
    return fail(Code::version, "the peer agreed on no protocol name, and without one none of " +
                                   list_of(enabled) + " can be picked");
  }
  for (const Version version : enabled) {
    if (alpn_name(version) == protocol) return version;
  }
  return fail(Code::version, "protocol '" + std::string(protocol) +
                                 "' was agreed on, which is of none of " + list_of(enabled));
}

std::optional<Version> version_of_setup_code(std::uint64_t code, std::span<const Version> enabled) {
  for (const Version version : enabled) {
    if (has_legacy_setup(version) && setup_code(version) == code) return version;
  }
  return std::nullopt;
}

}  // namespace moq::net
