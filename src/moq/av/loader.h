#pragma once

#include <string>

#include "moq/av/codec_table.h"
#include "moq/base/result.h"

namespace moq::av {

/// The file of the component with the codecs, and the name of its one symbol.
inline constexpr const char* kLibraryName = "libmoq-av.so.0";
inline constexpr const char* kEntryPoint = "moq_av_codecs";

/// Loads a component from `path`, as dlopen takes it; it is never unloaded. `unsupported` if there
/// is none, or if it is of another version; the text says which file, and why.
Result<const CodecTable*> load_codecs(const std::string& path);

/// The codecs of this process: `kLibraryName` beside the file that this code is in, or else where
/// the system looks for libraries. Looked for at the first call; whether that went well or not,
/// later calls answer the same. From any thread; the first call blocks on the disk.
Result<const CodecTable*> codecs();

}  // namespace moq::av
