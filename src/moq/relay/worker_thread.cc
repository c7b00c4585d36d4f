#include "moq/relay/worker_thread.h"

namespace moq::relay {

Result<std::unique_ptr<WorkerThread>> WorkerThread::start(Node& node, native::ServerOptions options,
                                                          native::ServerMember member,
                                                          bool segmentation) {
  MOQ_TRY(auto loop, io::Loop::create());
  if (!segmentation) loop->disable_segmentation();
  std::unique_ptr<WorkerThread> worker(new WorkerThread(node, std::move(loop)));
  worker->thread_ =
      std::thread(&WorkerThread::run, worker.get(), std::move(options), std::move(member));
  return worker;
}

WorkerThread::WorkerThread(Node& node, std::unique_ptr<io::Loop> loop)
    : node_(node), loop_(std::move(loop)) {}

WorkerThread::~WorkerThread() {
  loop_->stop();
  thread_.join();
}

// All that lives on the loop is made and dropped here, on its thread.
void WorkerThread::run(native::ServerOptions options, native::ServerMember member) {
  SystemRandom random;
  io::Resolver resolver;
  const native::Environment environment(*loop_, resolver, random);
  auto server = native::Server::create(environment, std::move(options), std::move(member));
  if (!server) {
    progress_.mut().edit().failed = server.error();
    return;
  }
  Worker worker(environment, node_, *std::move(server));
  worker_ = &worker;
  const kio::Spawned<void> serving = loop_->spawn(serve(worker, progress_.clone()));
  loop_->run();
  draining_.cancel();
}

kio::Task<void> WorkerThread::serve(Worker& worker, kio::Producer<Progress> progress) {
  Error failed = co_await worker.run();
  progress.mut().edit().failed = std::move(failed);
}

kio::Task<void> WorkerThread::drain(Worker& worker, Duration timeout,
                                    kio::Producer<Progress> progress) {
  const std::size_t left = co_await worker.drain(timeout);
  // What it closed is sent in the turns that follow this one.
  co_await kio::yield();
  co_await kio::yield();
  progress.mut().edit().left = left;
}

void WorkerThread::set_tls(transport::quic::ServerTls tls) {
  loop_->post([this, tls = std::move(tls)] { worker_->server().set_tls(tls); });
}

void WorkerThread::drain(Duration timeout) {
  loop_->post(
      [this, timeout] { draining_ = loop_->spawn(drain(*worker_, timeout, progress_.clone())); });
}

kio::Poll<std::size_t> WorkerThread::poll_drained(const kio::Waiter& waiter) {
  const auto left = progress_.poll(waiter, [](const Progress& now) -> kio::Poll<std::size_t> {
    if (now.left) return *now.left;
    if (now.failed) return std::size_t{0};
    return kio::kPending;
  });
  if (left.pending()) return kio::kPending;
  return **left;
}

kio::Poll<Error> WorkerThread::poll_failed(const kio::Waiter& waiter) {
  const auto failed = progress_.poll(waiter, [](const Progress& now) -> kio::Poll<Error> {
    if (now.failed) return *now.failed;
    return kio::kPending;
  });
  if (failed.pending()) return kio::kPending;
  return **failed;
}

}  // namespace moq::relay
