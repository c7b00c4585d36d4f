#pragma once

#include <memory>

#include "moq/transport/byte_stream.h"
#include "moq/transport/qmux/record_pipe.h"

namespace moq::transport::qmux {

/// Records on a stream of bytes, each behind its size: TCP, a Unix socket, TLS. A peer's record
/// larger than `kMaxRecordBytes` breaks the pipe.
std::unique_ptr<RecordPipe> make_stream_pipe(std::unique_ptr<ByteStream> stream);

}  // namespace moq::transport::qmux
