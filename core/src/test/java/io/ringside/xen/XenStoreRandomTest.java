package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Requests at random, most of them nearly right. */
class XenStoreRandomTest {
  private static final String[] NAMES = {
    "a", "b", "c", "data", "x y", "", "@", "/", "..", "long-name-of-a-node"
  };
  private static final String[] ERRORS = {
    "EINVAL", "EACCES", "EEXIST", "ENOENT", "ENOMEM", "ENOSPC", "ENOSYS", "EBUSY", "EAGAIN",
    "E2BIG", "EPERM",
  };

  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);
  private final StoreFrontend front = new StoreFrontend();
  private final List<Integer> transactions = new ArrayList<>();

  private String path() {
    StringBuilder path =
        new StringBuilder(random.nextInt(4) == 0 ? "/local/domain/7/data" : "data");
    for (int i = random.nextInt(4); i > 0; i--) {
      path.append('/').append(NAMES[random.nextInt(random.nextInt(8) == 0 ? NAMES.length : 4)]);
    }
    return path.toString();
  }

  private String bytes(int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) random.nextInt(256));
    }
    return text.toString();
  }

  private String payload(int type) {
    if (random.nextInt(16) == 0) {
      return bytes(random.nextInt(40));
    }
    return switch (type) {
      case StoreProtocol.WRITE ->
          path() + '\0' + bytes(random.nextInt(random.nextInt(50) == 0 ? 2100 : 20));
      case StoreProtocol.WATCH, StoreProtocol.UNWATCH ->
          path() + '\0' + (char) ('a' + random.nextInt(20)) + '\0';
      case StoreProtocol.SET_PERMS -> path() + "\0n7\0" + (random.nextBoolean() ? "r0\0" : "");
      case StoreProtocol.DIRECTORY_PART -> path() + '\0' + random.nextInt(20) + '\0';
      case StoreProtocol.TRANSACTION_START -> "\0";
      case StoreProtocol.TRANSACTION_END -> random.nextBoolean() ? "T\0" : "F\0";
      default -> path() + '\0';
    };
  }

  private void ownData() {
    front.store.create("/local/domain/7/data", new StorePermission(7, StorePermission.NONE));
  }

  @Test
  void nothingBreaksAndNothingIsLost() {
    ownData();
    front.connect();
    int before = front.store.memory();
    for (int i = 0; i < 20_000; i++) {
      int type = random.nextInt(50) == 0 ? random.nextInt(64) : 1 + random.nextInt(14);
      if (type >= StoreProtocol.INTRODUCE && type <= StoreProtocol.RELEASE) {
        continue;
      }
      int transaction =
          transactions.isEmpty() || random.nextBoolean()
              ? 0
              : transactions.get(random.nextInt(transactions.size()));
      StoreFrontend.Reply reply = front.request(type, transaction, payload(type));
      if (reply.type() == StoreConnection.ERROR) {
        String error = reply.payload();
        assertThat(error.substring(0, error.length() - 1))
            .as("seed %d", seed)
            .isIn((Object[]) ERRORS);
      } else if (type == StoreProtocol.TRANSACTION_START) {
        String id = reply.payload();
        transactions.add(Integer.parseInt(id.substring(0, id.length() - 1)));
      }
      if (type == StoreProtocol.TRANSACTION_END
          && (reply.type() == type || !reply.payload().startsWith("EINVAL"))) {
        transactions.remove((Integer) transaction);
      }
      if (type == StoreProtocol.RESET_WATCHES && reply.type() == type) {
        transactions.clear();
      }
      front.events.clear();
      if (i % 64 == 0) {
        // It may be gone, and then the guest can't make it again.
        ownData();
      }
    }
    ownData();
    front.ask(StoreProtocol.RESET_WATCHES, "\0");
    for (String name : NAMES) {
      front.ask(StoreProtocol.RM, "data/" + name + '\0');
    }
    front.ask(StoreProtocol.WRITE, "data\0");
    front.ask(StoreProtocol.SET_PERMS, "data\0n7\0");
    front.events();
    assertThat(front.ask(StoreProtocol.DIRECTORY, "data\0")).as("seed %d", seed).isEmpty();
    assertThat(front.store.memory()).as("seed %d", seed).isEqualTo(before);
    assertThat(front.store.nodes()).as("seed %d", seed).isEqualTo(1);
  }

  @Test
  void rubbishInTheRingNeverBreaksIt() {
    front.connect();
    for (int i = 0; i < 2000; i++) {
      for (int j = 0; j < 64; j++) {
        front.guest.ram.putByte(front.page + random.nextInt(1024), random.nextInt(256));
      }
      int cons = front.guest.ram.getInt(front.page + XenStoreRing.REQUEST_CONS);
      front.guest.ram.putInt(
          front.page + XenStoreRing.REQUEST_PROD,
          cons + random.nextInt(random.nextInt(100) == 0 ? 4000 : 1025));
      front.store.ring().run();
      front.guest.ram.putInt(
          front.page + XenStoreRing.REPLY_CONS,
          front.guest.ram.getInt(front.page + XenStoreRing.REPLY_PROD));
    }
    assertThat(front.guest.ram.getInt(front.page + XenStoreRing.ERROR))
        .as("seed %d", seed)
        .isIn(XenStoreRing.ERROR_INDEX, XenStoreRing.ERROR_PROTOCOL);
  }
}
