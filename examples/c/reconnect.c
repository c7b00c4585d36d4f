/* Keeps a session alive and shows how it fares: each connection has a number, its epoch; what is
 * between two of them shows in the statistics only.
 *   reconnect URL [EPOCHS]     ends after that many connections, or at Ctrl-C */
#define _POSIX_C_SOURCE 200809L
#include <moq.h>
#include <stdatomic.h>
#include <string.h>

#include "support.h"

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
