package io.ringside.xen;

/**
 * A watch of a client of XenStore.
 *
 * @param path what it watches, absolute, or a special event that starts with {@code @}
 * @param token what the client knows it by
 * @param relative whether the client named the path relative to its own, as events then do
 */
record StoreWatch(String path, String token, boolean relative) {}
