package io.ringside.xen;

import static io.ringside.xen.StoreProtocol.CONTROL;
import static io.ringside.xen.StoreProtocol.DIRECTORY;
import static io.ringside.xen.StoreProtocol.DIRECTORY_PART;
import static io.ringside.xen.StoreProtocol.GET_DOMAIN_PATH;
import static io.ringside.xen.StoreProtocol.GET_PERMS;
import static io.ringside.xen.StoreProtocol.INTRODUCE;
import static io.ringside.xen.StoreProtocol.IS_DOMAIN_INTRODUCED;
import static io.ringside.xen.StoreProtocol.MKDIR;
import static io.ringside.xen.StoreProtocol.READ;
import static io.ringside.xen.StoreProtocol.RELEASE;
import static io.ringside.xen.StoreProtocol.RESET_WATCHES;
import static io.ringside.xen.StoreProtocol.RESUME;
import static io.ringside.xen.StoreProtocol.RM;
import static io.ringside.xen.StoreProtocol.SET_PERMS;
import static io.ringside.xen.StoreProtocol.SET_TARGET;
import static io.ringside.xen.StoreProtocol.TRANSACTION_END;
import static io.ringside.xen.StoreProtocol.TRANSACTION_START;
import static io.ringside.xen.StoreProtocol.UNWATCH;
import static io.ringside.xen.StoreProtocol.WATCH;
import static io.ringside.xen.StoreProtocol.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class XenStoreTest {
  private static final String OK = "OK\0";

  private final StoreFrontend front = new StoreFrontend();
  private final XenStore store = front.store;

  XenStoreTest() {
    new StoreContents(4096, 0x123, 2, 0x124, 1).fill(store, front.guest.domain);
    front.connect();
  }

  private String ask(int type, String payload) {
    return front.ask(type, payload);
  }

  private int begin() {
    String id = ask(TRANSACTION_START, "\0");
    return Integer.parseUnsignedInt(id.substring(0, id.length() - 1));
  }

  // The tree.

  @Test
  void theGuestFindsWhatXlMakes() {
    assertThat(ask(READ, "name\0")).isEqualTo("ringside");
    assertThat(ask(READ, "/local/domain/7/domid\0")).isEqualTo("7");
    assertThat(ask(READ, "memory/target\0")).isEqualTo("4096");
    assertThat(ask(READ, "memory/static-max\0")).isEqualTo("4096");
    assertThat(ask(READ, "console/ring-ref\0")).isEqualTo("291");
    assertThat(ask(READ, "console/port\0")).isEqualTo("2");
    assertThat(ask(READ, "console/type\0")).isEqualTo("xenconsoled");
    assertThat(ask(READ, "console/tty\0")).startsWith("/dev/pts/");
    assertThat(ask(READ, "store/port\0")).isEqualTo("1");
    assertThat(ask(READ, "store/ring-ref\0")).isEqualTo("292");
    assertThat(ask(READ, "cpu/0/availability\0")).isEqualTo("online");
    assertThat(ask(READ, "control/shutdown\0")).isEmpty();
    assertThat(ask(DIRECTORY, "device\0")).isEqualTo("suspend\0");

    String vm = ask(READ, "vm\0");
    assertThat(vm).startsWith("/vm/72696e67-7369-4465-8000-");
    assertThat(ask(READ, vm + "/name\0")).isEqualTo("ringside");
    assertThat(ask(READ, vm + "/uuid\0")).isEqualTo(vm.substring(4));
    String backend = ask(READ, "console/backend\0");
    assertThat(ask(READ, backend + "/protocol\0")).isEqualTo("vt100");
    assertThat(ask(GET_DOMAIN_PATH, "7\0")).isEqualTo("/local/domain/7\0");
    assertThat(ask(GET_DOMAIN_PATH, "12x\0")).isEqualTo("/local/domain/12\0");
  }

  @Test
  void permissionsAreXls() {
    assertThat(ask(GET_PERMS, "/local/domain/7\0")).isEqualTo("n0\0r7\0");
    assertThat(ask(GET_PERMS, "control/shutdown\0")).isEqualTo("n7\0");
    assertThat(ask(GET_PERMS, "console/tty\0")).isEqualTo("n0\0r7\0");
    for (String path : new String[] {"/", "/local", "/vm", "/local/domain/0/name", "/tool"}) {
      assertThat(ask(READ, path + "\0")).as(path).isEqualTo("!EACCES");
      assertThat(ask(DIRECTORY, path + "\0")).as(path).isEqualTo("!EACCES");
    }
    for (String path : new String[] {"name", "memory/target", "console/tty", "new", "control/x"}) {
      assertThat(ask(WRITE, path + "\0x")).as(path).isEqualTo("!EACCES");
    }
    assertThat(ask(WRITE, "control/feature-poweroff\0" + "1")).isEqualTo(OK);
    assertThat(ask(WRITE, "attr/os/name\0Linux")).isEqualTo(OK);
    assertThat(ask(RM, "device\0")).isEqualTo("!EACCES");
  }

  // Reading and writing.

  @Test
  void valuesAreBinary() {
    assertThat(ask(WRITE, "data/x\0a\0b\u00ff\0")).isEqualTo(OK);
    assertThat(ask(READ, "data/x\0")).isEqualTo("a\0b\u00ff\0");
    assertThat(ask(WRITE, "data/x\0")).isEqualTo(OK);
    assertThat(ask(READ, "data/x\0")).isEmpty();
  }

  @Test
  void writingCreatesParents() {
    assertThat(ask(WRITE, "data/a/b/c\0v")).isEqualTo(OK);
    assertThat(ask(READ, "data/a/b\0")).isEmpty();
    assertThat(ask(DIRECTORY, "data/a/b\0")).isEqualTo("c\0");
    assertThat(ask(GET_PERMS, "data/a/b/c\0")).isEqualTo("n7\0");
    assertThat(ask(MKDIR, "data/a/d\0")).isEqualTo(OK);
    assertThat(ask(MKDIR, "data/a/b/c\0")).isEqualTo(OK);
    assertThat(ask(READ, "data/a/b/c\0")).isEqualTo("v");
    assertThat(ask(DIRECTORY, "data/a\0")).isEqualTo("b\0d\0");
  }

  @Test
  void whatIsNotThere() {
    assertThat(ask(READ, "data/none\0")).isEqualTo("!ENOENT");
    assertThat(ask(DIRECTORY, "nothing\0")).isEqualTo("!ENOENT");
    assertThat(ask(GET_PERMS, "data/none\0")).isEqualTo("!ENOENT");
    assertThat(ask(SET_PERMS, "data/none\0n7\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, "/local/domain/9/x\0")).isEqualTo("!EACCES");
    assertThat(ask(RM, "data/none\0")).isEqualTo(OK);
    assertThat(ask(RM, "data/none/none\0")).isEqualTo("!ENOENT");
  }

  @Test
  void removingTakesAllBelow() {
    ask(WRITE, "data/a/b/c\0v");
    ask(WRITE, "data/e\0v");
    assertThat(ask(RM, "data/a\0")).isEqualTo(OK);
    assertThat(ask(READ, "data/a/b/c\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, "data/a\0")).isEqualTo("!ENOENT");
    assertThat(ask(DIRECTORY, "data\0")).isEqualTo("e\0");
    assertThat(ask(RM, "/\0")).isEqualTo("!EACCES");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/local/domain/7/",
        "a//b",
        "a b",
        "a.b",
        "a/",
        "/local/domain/7//x",
        "@releaseDomain",
        "a\u00e9",
        "x:y",
      })
  void pathsThatAreNone(String path) {
    assertThat(ask(READ, path + "\0")).isEqualTo("!EINVAL");
    assertThat(ask(WRITE, path + "\0v")).isEqualTo("!EINVAL");
    assertThat(ask(RM, path + "\0")).isEqualTo("!EINVAL");
  }

  @Test
  void longPaths() {
    String longest = "data/" + "x".repeat(2048 - 5);
    assertThat(ask(READ, longest + "\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, longest + "x\0")).isEqualTo("!EINVAL");
    assertThat(ask(READ, "/local/domain/7/" + longest + "\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, "/" + "x".repeat(2048) + "\0")).isEqualTo("!EINVAL");
    assertThat(ask(READ, "/" + "x".repeat(2047) + "\0")).isEqualTo("!EACCES");
  }

  @Test
  void payloadsThatAreNone() {
    for (int type : new int[] {READ, DIRECTORY, GET_PERMS, MKDIR, RM, GET_DOMAIN_PATH}) {
      assertThat(ask(type, "")).isEqualTo("!EINVAL");
      assertThat(ask(type, "data")).isEqualTo("!EINVAL");
      assertThat(ask(type, "data\0x\0")).isEqualTo("!EINVAL");
      assertThat(ask(type, "data\0x")).isEqualTo("!EINVAL");
    }
    assertThat(ask(WRITE, "data")).isEqualTo("!EINVAL");
    for (int type : new int[] {WATCH, UNWATCH}) {
      assertThat(ask(type, "data\0")).isEqualTo("!EINVAL");
      assertThat(ask(type, "data\0t\0" + "1\0")).isEqualTo("!EINVAL");
    }
    assertThat(ask(SET_PERMS, "data\0")).isEqualTo("!EINVAL");
    assertThat(ask(DIRECTORY_PART, "data\0")).isEqualTo("!EINVAL");
  }

  @Test
  void requestsThatAreForOthers() {
    for (int type :
        new int[] {CONTROL, INTRODUCE, RELEASE, IS_DOMAIN_INTRODUCED, RESUME, SET_TARGET}) {
      assertThat(ask(type, "7\0")).isEqualTo("!EACCES");
    }
    for (int type : new int[] {15, 16, 20, 23, 1000, -1}) {
      assertThat(ask(type, "7\0")).isEqualTo("!ENOSYS");
    }
  }

  @Test
  void longDirectoriesComeInParts() {
    // As domain 0 may make them.
    List<String> names = new ArrayList<>();
    for (int i = 0; i < 600; i++) {
      names.add("name-of-a-node-" + i);
      store.write("/local/domain/7/data/" + names.get(i), "");
    }
    assertThat(ask(DIRECTORY, "data\0")).isEqualTo("!E2BIG");

    List<String> found = new ArrayList<>();
    int offset = 0;
    String generation = "";
    boolean last = false;
    while (!last) {
      String part = ask(DIRECTORY_PART, "data\0" + offset + "\0");
      assertThat(part.length()).isLessThanOrEqualTo(4096);
      int end = part.indexOf('\0') + 1;
      assertThat(generation).isIn("", part.substring(0, end));
      generation = part.substring(0, end);
      String list = part.substring(end);
      last = list.endsWith("\0\0") || list.equals("\0");
      String sent = last ? list.substring(0, list.length() - 1) : list;
      offset += sent.length();
      found.addAll(List.of(sent.split("\0")));
    }
    assertThat(found).isEqualTo(names);
    assertThat(ask(DIRECTORY_PART, "data\0" + "99999\0")).isEqualTo(generation + "\0");
    assertThat(ask(DIRECTORY_PART, "data\0-1\0")).isEqualTo(generation + "\0");
  }

  // Permissions.

  @Test
  void theOwnerSetsPermissions() {
    ask(WRITE, "data/x\0v");
    assertThat(ask(SET_PERMS, "data/x\0b7\0r0\0w3\0")).isEqualTo(OK);
    assertThat(ask(GET_PERMS, "data/x\0")).isEqualTo("b7\0r0\0w3\0");
    assertThat(ask(SET_PERMS, "data/x\0n0\0")).isEqualTo("!EPERM");
    assertThat(ask(SET_PERMS, "data/x\0n3\0")).isEqualTo("!ENOENT");
    assertThat(ask(SET_PERMS, "name\0n7\0")).isEqualTo("!EACCES");
    for (String bad : new String[] {"x7", "n", "7", "", "n7x", "n 7"}) {
      assertThat(ask(SET_PERMS, "data/x\0" + bad + "\0")).isEqualTo("!EINVAL");
    }
    assertThat(ask(SET_PERMS, "data/x\0n7\0r1\0r2\0r3\0r4\0")).isEqualTo(OK);
    assertThat(ask(SET_PERMS, "data/x\0n7\0r1\0r2\0r3\0r4\0r5\0")).isEqualTo("!ENOSPC");
    assertThat(ask(SET_PERMS, "@releaseDomain\0n7\0")).isEqualTo("!EACCES");
    assertThat(ask(SET_PERMS, "@other\0n7\0")).isEqualTo("!EINVAL");
  }

  @Test
  void rightsComeFromTheFirstEntryThatNamesTheDomain() {
    store.create(
        "/local/domain/7/w",
        new StorePermission(0, StorePermission.READ),
        new StorePermission(7, StorePermission.WRITE));
    assertThat(ask(READ, "w\0")).isEqualTo("!EACCES");
    assertThat(ask(WRITE, "w\0v")).isEqualTo(OK);
    store.create("/local/domain/7/w", new StorePermission(0, StorePermission.READ));
    assertThat(ask(READ, "w\0")).isEqualTo("v");
    assertThat(ask(WRITE, "w\0v")).isEqualTo("!EACCES");
  }

  // Watches.

  @Test
  void aWatchFiresOnceWhenItIsSet() {
    assertThat(ask(WATCH, "control/shutdown\0token\0")).isEqualTo(OK);
    assertThat(front.events()).containsExactly("control/shutdown token");
    assertThat(ask(WATCH, "control/shutdown\0token\0")).isEqualTo("!EEXIST");
    assertThat(ask(WATCH, "/local/domain/7/control/shutdown\0token\0")).isEqualTo("!EEXIST");
    assertThat(ask(WATCH, "/local/domain/7/control/shutdown\0other\0")).isEqualTo(OK);
    assertThat(front.events()).containsExactly("/local/domain/7/control/shutdown other");
    assertThat(ask(WATCH, "nothing-there\0t\0")).isEqualTo(OK);
    assertThat(ask(WATCH, "@releaseDomain\0t\0")).isEqualTo(OK);
    assertThat(front.events()).containsExactly("nothing-there t", "@releaseDomain t");
    assertThat(ask(WATCH, "a b\0t\0")).isEqualTo("!EINVAL");
    assertThat(ask(WATCH, "@" + "x".repeat(2048) + "\0t\0")).isEqualTo("!EINVAL");
  }

  @Test
  void changesBelowFireWithThePathInTheFormOfTheWatch() {
    ask(WATCH, "data\0rel\0");
    ask(WATCH, "/local/domain/7/data\0abs\0");
    front.events();

    ask(WRITE, "data/a/b\0v");
    assertThat(front.events()).containsExactly("data/a/b rel", "/local/domain/7/data/a/b abs");
    ask(WRITE, "data/a/b\0v");
    assertThat(front.events()).hasSize(2);
    ask(MKDIR, "data/a/b\0");
    assertThat(front.events()).isEmpty();
    ask(SET_PERMS, "data/a\0r7\0");
    assertThat(front.events()).containsExactly("data/a rel", "/local/domain/7/data/a abs");
    ask(WRITE, "attr/x\0v");
    assertThat(front.events()).isEmpty();
  }

  @Test
  void eventsComeBeforeTheReplyThatCausedThem() {
    ask(WATCH, "data\0t\0");
    front.events();
    front.put(StoreFrontend.message(WRITE, 5, 0, "data\0v"), 0, 22);
    store.ring().run();
    assertThat(front.next().type()).isEqualTo(StoreConnection.WATCH_EVENT);
    assertThat(front.next().type()).isEqualTo(WRITE);
  }

  @Test
  void removalFiresForWhatWasWatchedAndWhatIsAbove() {
    ask(WRITE, "data/a/b/c\0v");
    for (String path : new String[] {"data/a", "data/a/b", "data/a/b/c", "data/a/x"}) {
      ask(WATCH, path + "\0t\0");
    }
    ask(WATCH, "data\0t2\0");
    front.events();
    ask(RM, "data/a\0");
    assertThat(front.events())
        .containsExactly("data/a/b/c t", "data/a/b t", "data/a t", "data/a t2");
  }

  @Test
  void whatTheGuestMayNotReadDoesNotFire() {
    ask(WATCH, "/\0all\0");
    ask(WATCH, "/vm\0vm\0");
    ask(WATCH, "@introduceDomain\0t\0");
    front.events();
    store.write("/local/domain/0/secret", "x");
    store.write("/vm/other/name", "x");
    store.introduced();
    store.released();
    assertThat(front.events()).isEmpty();
    store.write("/local/domain/7/control/shutdown", "poweroff");
    assertThat(front.events()).containsExactly("/local/domain/7/control/shutdown all");
  }

  @Test
  void aGuestThatLosesItsRightsIsTold() {
    store.create("/shared", new StorePermission(0, StorePermission.READ));
    ask(WATCH, "/shared\0t\0");
    front.events();
    store.create("/shared", new StorePermission(0, StorePermission.NONE));
    assertThat(front.events()).containsExactly("/shared t");
    store.write("/shared", "x");
    assertThat(front.events()).isEmpty();
  }

  @Test
  void equalEventsThatWaitAreOne() {
    ask(WATCH, "data\0t\0");
    ask(WATCH, "@introduceDomain\0s\0");
    front.events();
    // Fill the ring, so that events wait.
    int i = 0;
    while (front.guest.ram.getInt(front.page + XenStoreRing.REPLY_PROD)
            - front.guest.ram.getInt(front.page + XenStoreRing.REPLY_CONS)
        < 1024) {
      store.write("/local/domain/7/data/" + i++, "x");
    }
    for (int n = 0; n < 10; n++) {
      store.write("/local/domain/7/data/again", "x");
    }
    assertThat(front.events().stream().filter(e -> e.equals("data/again t"))).hasSize(1);
  }

  @Test
  void unwatching() {
    ask(WATCH, "data\0t\0");
    front.events();
    assertThat(ask(UNWATCH, "data\0other\0")).isEqualTo("!ENOENT");
    assertThat(ask(UNWATCH, "attr\0t\0")).isEqualTo("!ENOENT");
    assertThat(ask(UNWATCH, "/local/domain/7/data\0t\0")).isEqualTo(OK);
    assertThat(ask(UNWATCH, "data\0t\0")).isEqualTo("!ENOENT");
    ask(WRITE, "data\0v");
    assertThat(front.events()).isEmpty();
  }

  @Test
  void watchesHaveAQuota() {
    for (int i = 0; i <= 128; i++) {
      assertThat(ask(WATCH, "data\0" + i + "\0")).isEqualTo(OK);
    }
    assertThat(ask(WATCH, "data\0more\0")).isEqualTo("!E2BIG");
    front.events();
    assertThat(ask(RESET_WATCHES, "\0")).isEqualTo(OK);
    ask(WRITE, "data\0v");
    assertThat(front.events()).isEmpty();
    assertThat(ask(WATCH, "data\0more\0")).isEqualTo(OK);
  }

  // Transactions.

  @Test
  void aTransactionKeepsItsChangesUntilItEnds() {
    ask(WATCH, "data\0t\0");
    front.events();
    int t = begin();
    assertThat(front.ask(WRITE, t, "data/x\0new")).isEqualTo(OK);
    assertThat(front.ask(WRITE, t, "data/y/z\0new")).isEqualTo(OK);
    assertThat(front.ask(READ, t, "data/x\0")).isEqualTo("new");
    assertThat(ask(READ, "data/x\0")).isEqualTo("!ENOENT");
    assertThat(front.events()).isEmpty();

    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo(OK);
    assertThat(front.events()).containsExactly("data/x t", "data/y/z t");
    assertThat(ask(READ, "data/x\0")).isEqualTo("new");
    assertThat(ask(DIRECTORY, "data\0")).isEqualTo("x\0y\0");
    assertThat(front.ask(READ, t, "data/x\0")).isEqualTo("!ENOENT");
  }

  @Test
  void aTransactionCanBeGivenUp() {
    int t = begin();
    front.ask(WRITE, t, "data/x\0new");
    front.ask(RM, t, "attr\0");
    assertThat(front.ask(READ, t, "attr\0")).isEqualTo("!ENOENT");
    assertThat(front.ask(TRANSACTION_END, t, "F\0")).isEqualTo(OK);
    assertThat(ask(READ, "data/x\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, "attr\0")).isEmpty();
  }

  @Test
  void aConflictIsFoundAtTheEnd() {
    ask(WRITE, "data/x\0" + "1");
    int t = begin();
    assertThat(front.ask(READ, t, "data/x\0")).isEqualTo("1");
    ask(WRITE, "data/x\0" + "2");
    assertThat(front.ask(READ, t, "data/x\0")).isEqualTo("1");
    front.ask(WRITE, t, "data/y\0v");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo("!EAGAIN");
    assertThat(ask(READ, "data/y\0")).isEqualTo("!ENOENT");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo("!ENOENT");
  }

  @Test
  void thatSomethingIsNotThereConflictsToo() {
    int t = begin();
    assertThat(front.ask(READ, t, "data/x\0")).isEqualTo("!ENOENT");
    ask(WRITE, "data/x\0v");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo("!EAGAIN");
  }

  @Test
  void changesElsewhereAreNoConflict() {
    int t = begin();
    front.ask(WRITE, t, "control/shutdown\0");
    ask(WRITE, "data/x\0v");
    store.write("/local/domain/7/memory/target", "1");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo(OK);
  }

  @Test
  void transactionsOfOneGuestAreApart() {
    int a = begin();
    int b = begin();
    assertThat(a).isNotEqualTo(b).isNotZero();
    front.ask(WRITE, a, "data/x\0a");
    front.ask(WRITE, b, "data/x\0b");
    assertThat(front.ask(READ, a, "data/x\0")).isEqualTo("a");
    assertThat(front.ask(TRANSACTION_END, b, "T\0")).isEqualTo(OK);
    assertThat(front.ask(TRANSACTION_END, a, "T\0")).isEqualTo("!EAGAIN");
    assertThat(ask(READ, "data/x\0")).isEqualTo("b");
  }

  @Test
  void createdAndRemovedInOneTransaction() {
    int t = begin();
    front.ask(WRITE, t, "data/x/y\0v");
    assertThat(front.ask(RM, t, "data/x\0")).isEqualTo(OK);
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo(OK);
    assertThat(ask(DIRECTORY, "data\0")).isEmpty();
  }

  @Test
  void removalInATransactionFires() {
    ask(WRITE, "data/x/y\0v");
    ask(WATCH, "data\0t\0");
    ask(WATCH, "data/x/y\0u\0");
    front.events();
    int t = begin();
    front.ask(RM, t, "data/x\0");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo(OK);
    assertThat(front.events()).containsExactlyInAnyOrder("data/x t", "data/x/y u");
  }

  @Test
  void requestsInTransactionsThatAreNot() {
    assertThat(front.ask(READ, 99, "name\0")).isEqualTo("!ENOENT");
    assertThat(front.ask(TRANSACTION_START, 99, "\0")).isEqualTo("!ENOENT");
    assertThat(front.ask(TRANSACTION_END, 0, "T\0")).isEqualTo("!ENOENT");
    int t = begin();
    assertThat(front.ask(TRANSACTION_START, t, "\0")).isEqualTo("!EBUSY");
    assertThat(front.ask(TRANSACTION_END, t, "X\0")).isEqualTo("!EINVAL");
    assertThat(front.ask(TRANSACTION_END, t, "T")).isEqualTo("!EINVAL");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo(OK);
    // Watches ignore it.
    assertThat(front.ask(WATCH, 99, "data\0t\0")).isEqualTo(OK);
  }

  @Test
  void transactionsHaveAQuota() {
    for (int i = 0; i <= 10; i++) {
      begin();
    }
    assertThat(ask(TRANSACTION_START, "\0")).isEqualTo("!ENOSPC");
    ask(RESET_WATCHES, "\0");
    assertThat(begin()).isNotZero();
  }

  @Test
  void aTransactionTouchesOnlySoManyNodes() {
    int t = begin();
    String last = "";
    for (int i = 0; i < 1024 && !last.startsWith("!ENOSPC"); i++) {
      last = front.ask(READ, t, "data/" + i + "\0");
    }
    assertThat(last).isEqualTo("!ENOSPC");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo("!ENOMEM");
  }

  // Quotas.

  @Test
  void nodesHaveASize() {
    int most = 2047 - 24 - 8;
    assertThat(ask(WRITE, "data/x\0" + "v".repeat(most))).isEqualTo(OK);
    assertThat(ask(WRITE, "data/x\0" + "v".repeat(most + 1))).isEqualTo("!ENOSPC");
    assertThat(ask(WRITE, "data/y\0" + "v".repeat(most + 1))).isEqualTo("!ENOSPC");
    assertThat(ask(READ, "data/y\0")).isEqualTo("!ENOENT");
    assertThat(ask(READ, "data/x\0")).hasSize(most);

    int t = begin();
    assertThat(front.ask(WRITE, t, "data/x\0" + "v".repeat(most + 1))).isEqualTo("!ENOSPC");
    assertThat(front.ask(TRANSACTION_END, t, "T\0")).isEqualTo("!ENOMEM");
  }

  @Test
  void directoriesHaveASizeToo() {
    String last = OK;
    int count = 0;
    while (last.equals(OK) && count < 1000) {
      last = ask(MKDIR, "data/a-name-of-twenty-cha" + count++ + "\0");
    }
    assertThat(last).isEqualTo("!ENOSPC");
    assertThat(count).isLessThan(110);
    assertThat(ask(DIRECTORY, "data\0").length()).isLessThan(2048);
  }

  @Test
  void aGuestOwnsOnlySoManyNodes() {
    String last = OK;
    int count = 0;
    while (last.equals(OK) && count < 2000) {
      last = ask(MKDIR, "data/" + count / 40 + "/" + count % 40 + "\0");
      count++;
    }
    assertThat(last).isEqualTo("!ENOSPC");
    assertThat(count).isBetween(900, 1000);
    assertThat(ask(RM, "data/0\0")).isEqualTo(OK);
    assertThat(ask(MKDIR, "data/0\0")).isEqualTo(OK);
  }

  @Test
  void memoryIsGivenBack() {
    StoreAccounts accounts = new StoreAccounts();
    assertThat(accounts.hasMemory(7, StoreAccounts.MAX_MEMORY)).isFalse();
    assertThat(accounts.hasMemory(0, StoreAccounts.MAX_MEMORY)).isTrue();

    front.events();
    int before = store.memory();
    ask(WATCH, "data\0t\0");
    ask(WRITE, "data/a/b\0value");
    int t = begin();
    front.ask(WRITE, t, "data/a/b\0another value");
    front.ask(WRITE, t, "data/a/c\0another value");
    front.ask(RM, t, "data/a/c\0");
    assertThat(store.memory()).isGreaterThan(before);
    front.ask(TRANSACTION_END, t, "T\0");
    t = begin();
    front.ask(WRITE, t, "data/a/d\0value");
    front.ask(TRANSACTION_END, t, "F\0");
    ask(RM, "data/a\0");
    ask(UNWATCH, "data\0t\0");
    front.events();
    assertThat(store.memory()).isEqualTo(before);
  }

  // The VMM's side.

  @Test
  void theVmmSeesAndIsTold() {
    List<String> seen = new ArrayList<>();
    store.watch("/local/domain/7/control", seen::add);
    assertThat(store.requestShutdown("poweroff")).isFalse();
    ask(WRITE, "control/feature-poweroff\0" + "1");
    assertThat(store.requestShutdown("poweroff")).isTrue();
    assertThat(store.read("/local/domain/7/control/shutdown")).contains("poweroff");
    assertThat(ask(READ, "control/shutdown\0")).isEqualTo("poweroff");
    store.requestSysRq('s');
    assertThat(ask(READ, "control/sysrq\0")).isEqualTo("s");
    assertThat(seen)
        .containsExactly(
            "/local/domain/7/control/shutdown",
            "/local/domain/7/control/feature-poweroff",
            "/local/domain/7/control/shutdown",
            "/local/domain/7/control/sysrq");
    assertThat(store.read("/none")).isEmpty();
    store.remove("/local/domain/7/data");
    store.remove("/local/domain/7/data");
    assertThat(ask(READ, "data\0")).isEqualTo("!ENOENT");
  }
}
