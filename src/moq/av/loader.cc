#include "moq/av/loader.h"

#include <dlfcn.h>

namespace moq::av {
namespace {

std::string reason() {
  const char* text = ::dlerror();  // NOLINT(concurrency-mt-unsafe): of the calling thread.
  return text == nullptr ? "unknown error" : text;
}

/// The folder of the library or program that this function is linked into, with a slash at its
/// end; empty if that is not known.
std::string own_folder() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&own_folder), &info) == 0) return {};
  if (info.dli_fname == nullptr) return {};
  const std::string file = info.dli_fname;
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

Result<const CodecTable*> find_codecs() {
  const std::string folder = own_folder();
  Result<const CodecTable*> beside = load_codecs(folder + kLibraryName);
  if (beside || folder.empty()) return beside;
  Result<const CodecTable*> system = load_codecs(kLibraryName);
  if (!system) system.error().text += "; " + beside.error().text;
  return system;
}

}  // namespace

Result<const CodecTable*> load_codecs(const std::string& path) {
  // Local: what it links stays out of the program's own names.
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(Code::unsupported, "the codecs of " + path + " cannot be loaded: " + reason());
  }
  const auto entry = reinterpret_cast<EntryPoint>(::dlsym(library, kEntryPoint));
  const CodecTable* table = entry == nullptr ? nullptr : entry(kAbiVersion);
  if (table == nullptr || table->abi_version != kAbiVersion) {
    const char* what = entry == nullptr ? " is no component with codecs" : " is of another version";
    ::dlclose(library);
    return fail(Code::unsupported, path + what);
  }
  return table;
}

Result<const CodecTable*> codecs() {
  // Kept for as long as the process, as the library is.
  static const Result<const CodecTable*> found = find_codecs();
  return found;
}

}  // namespace moq::av
