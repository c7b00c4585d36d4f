#pragma once

#include "moq/av/codec_table.h"

/// The one symbol of libmoq-av; see `moq::av::EntryPoint`.
extern "C" [[gnu::visibility("default")]] const moq::av::CodecTable* moq_av_codecs(
    std::uint32_t abi_version);
