/* Keeps a session alive and shows how it fares: each connection has a number, its epoch; what is
 * between two of them shows in the statistics only.
 *   reconnect URL [EPOCHS]     ends after that many connections, or at Ctrl-C */
#define _POSIX_C_SOURCE 200809L
#include <moq.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How main waits: for Ctrl-C, and for what callbacks tell it. */

/* What main is told: it should stop, no task is left, there is input, nothing within its time. */
enum reason { STOP = 's', OVER = 'o', INPUT = 'i', NOTHING = 'n' };

static int wake_pipe[2];

/* Safe in callbacks, which are on another thread, and in signal handlers. */
static void wake_main(enum reason why) {
  const char byte = (char)why;
  if (write(wake_pipe[1], &byte, 1) != 1) _Exit(EXIT_FAILURE);
}

static void on_signal(int number) {
  (void)number;
  wake_main(STOP);
}

/* For the beginning of main: Ctrl-C tells it to stop, and lines are printed at once. */
static void prepare(void) {
  const struct sigaction action = {.sa_handler = on_signal};
  if (pipe(wake_pipe) != 0) abort();
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Waits for a reason to go on; for ever if the time is negative. `input` is a file, or -1. */
static enum reason wait_ms(int timeout_ms, int input) {
  struct pollfd ready[2] = {{.fd = wake_pipe[0], .events = POLLIN},
                            {.fd = input, .events = POLLIN}};
  char why = NOTHING;
  while (poll(ready, 2, timeout_ms) < 0) continue; /* A signal: see what it wrote. */
  if (ready[0].revents != 0 && read(wake_pipe[0], &why, 1) != 1) abort();
  return ready[0].revents == 0 && ready[1].revents != 0 ? INPUT : (enum reason)why;
}

/* Passes on what a call returned, or ends the program, saying why it failed. */
static uint32_t must(int32_t code) {
  if (code >= 0) return (uint32_t)code;
  fprintf(stderr, "error %d: %s\n", code, moq_error());
  exit(EXIT_FAILURE);
}

/* The example itself. */

enum { GIVE_UP_MS = 60000, LOOK_EVERY_MS = 200 };

/* The user_data of the session: it is in use until the terminal status has come. */
struct watcher {
  atomic_int epoch;
  atomic_int result;
};

/* Runs on the library's thread: positive as often as a connection is made, then once 0 or less. */
static void on_status(void* user_data, int32_t code) {
  struct watcher* watcher = user_data;
  if (code > 0) {
    watcher->epoch = code;
    printf("epoch %d\n", code);
  } else {
    /* The text of a task's failure is there on the thread of its callback only. */
    if (code < 0) fprintf(stderr, "the session failed: %s\n", moq_error());
    watcher->result = code;
    wake_main(OVER); /* After the last use of watcher, for main may return now. */
  }
}

/* Prints when the session goes offline or comes back, and by which protocol. */
static void look(uint32_t session, bool* online) {
  moq_connection_snapshot now;
  const int32_t code = moq_session_snapshot(session, &now);
  if ((code == 0) == *online) return;
  *online = code == 0;
  if (*online) {
    printf("online: %.*s\n", (int)now.protocol.len, now.protocol.data);
  } else {
    printf("offline: %s\n", moq_error());
  }
}

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return fputs("usage: reconnect URL [EPOCHS]\n", stderr), 2;
  const long epochs = argc > 2 ? strtol(argv[2], NULL, 10) : -1;
  prepare();

  /* Without a configuration a session gives up after 10 s without a connection. */
  const uint32_t client = must(moq_client_create());
  must(moq_client_set_backoff_timeout(client, GIVE_UP_MS));
  struct watcher watcher = {0};
  /* If this fails, on_status is never called. */
  const uint32_t session =
      must(moq_client_connect(argv[1], strlen(argv[1]), client, 0, 0, on_status, &watcher));
  moq_client_close(client); /* Dialing has copied it. */

  bool online = false;
  for (enum reason why = NOTHING; why != OVER; why = wait_ms(LOOK_EVERY_MS, -1)) {
    look(session, &online);
    /* A close only asks: the terminal status follows. Once is enough, twice does no harm. */
    if (why == STOP || watcher.epoch == epochs) moq_session_close(session);
  }
  printf("ended with %d after %d connections\n", watcher.result, watcher.epoch);
  return watcher.result == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
