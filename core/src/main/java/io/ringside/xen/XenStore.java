package io.ringside.xen;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * XenStore of a machine with one domain: what the guest reaches by its ring, and what the VMM does with it in the place of
 * domain 0. All methods need the machine's lock.
 */
public final class XenStore {
  /** The VMM. */
  private static final class Tools extends StoreClient {
    private final Consumer<String> events;

    private Tools(Consumer<String> events) {
      super(0);
      this.events = events;
    }

    @Override
    void event(String path, String token) {
      events.accept(path);
    }
  }

  private final int domid;
  private final StoreDatabase database = new StoreDatabase();
  private final StoreOperations operations = new StoreOperations(database);
  private final StoreClient tools = new Tools(_ -> {});
  private final XenStoreRing ring;

  XenStore(Domain domain) {
    this.domid = domain.domid();
    StoreConnection guest = new StoreConnection(domid, database.accounts());
    this.ring = new XenStoreRing(domain.raw(), guest, new StoreProtocol(database, operations));
    database.connect(guest);
  }

  /** The guest's ring. */
  XenStoreRing ring() {
    return ring;
  }

  /** How many nodes the guest owns, for its quota. */
  int nodes() {
    return database.accounts().nodes(domid);
  }

  /** How many bytes the guest uses, for its quota. */
  int memory() {
    return database.accounts().memory(domid);
  }

  /** The value of a node, if it is there. */
  public Optional<String> read(String path) {
    StoreNode node = database.read(path);
    return node.exists()
        ? Optional.of(new String(node.value(), StandardCharsets.ISO_8859_1))
        : Optional.empty();
  }

  /**
   * Writes a value; what is missing of the path is created with the permissions of what is there.
   *
   * @throws IllegalArgumentException if this is no path
   */
  public void write(String path, String value) {
    require(path);
    operations.write(tools, database, path, StoreConnection.text(value));
    ring.run();
  }

  /** Creates a node, if it is missing, and sets its permissions. */
  void create(String path, StorePermission... permissions) {
    require(path);
    operations.makeDirectory(tools, database, path);
    operations.setPermissions(tools, database, path, List.of(permissions));
    ring.run();
  }

  /** Deletes a node and what is below it, if it is there. */
  public void remove(String path) {
    require(path);
    if (database.read(path).exists()) {
      operations.remove(tools, database, path);
      ring.run();
    }
  }

  /** Calls back with the path of each node that changes at or below {@code path}. */
  public void watch(String path, Consumer<String> changed) {
    require(path);
    connect(path, changed);
  }

  /** Calls back when the domain has shut down or crashed. */
  public void onRelease(Consumer<String> released) {
    connect("@releaseDomain", released);
  }

  private void connect(String path, Consumer<String> changed) {
    Tools watcher = new Tools(changed);
    watcher.watches().add(new StoreWatch(path, "", false));
    database.connect(watcher);
  }

  private static void require(String path) {
    if (!StorePath.isValid(path)) {
      throw new IllegalArgumentException("no path of XenStore: " + path);
    }
  }

  /** Tells who watches that the domain is there. */
  void introduced() {
    database.special("@introduceDomain");
  }

  /** Tells who watches that the domain shut down or crashed. */
  void released() {
    database.special("@releaseDomain");
  }

  /**
   * Asks the guest to shut down, as {@code xl shutdown} does.
   *
   * @param how {@code poweroff}, {@code reboot}, {@code halt} or {@code suspend}
   * @return whether the guest has said that it can; it is asked in any case
   */
  public boolean requestShutdown(String how) {
    String control = StorePath.ofDomain(domid) + "/control/";
    boolean can = read(control + "feature-" + how).orElse("").equals("1");
    write(control + "shutdown", how);
    return can;
  }

  /** Asks the guest for a magic SysRq key, as {@code xl sysrq} does. */
  public void requestSysRq(char key) {
    write(StorePath.ofDomain(domid) + "/control/sysrq", String.valueOf(key));
  }
}
