#pragma once

#include "moq/transport/byte_stream.h"

namespace moq::io {

using transport::ByteSink;
using transport::ByteSource;
using transport::ByteStream;

}  // namespace moq::io
