# Sourced by ./mvnw and ./ringside: sets JDK to the home of the first JDK 25 or newer in
# the usual places, and JDK_VERSION to its version.
# Starts no process unless `java` on the PATH is a link: the version is read from the JDK's `release` file.

JDK_MINIMUM=25

# jdk_is_usable HOME: whether a JDK (not only a runtime) of the minimum version or newer is there.
jdk_is_usable() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
  while IFS='=' read -r jdk_key jdk_value; do
    [ "$jdk_key" = JAVA_VERSION ] || continue
    jdk_value=${jdk_value#\"}
    JDK_VERSION=${jdk_value%\"}
    jdk_value=${jdk_value%%[!0-9]*}
    [ -n "$jdk_value" ] && [ "$jdk_value" -ge "$JDK_MINIMUM" ] && return 0
    return 1
  done <"$1/release"
  return 1
}

# find_jdk: sets JDK, or explains on standard error what is missing and fails.
find_jdk() {
  for JDK in "${JAVA_HOME:-}" "${JDK_HOME:-}"; do
    if [ -n "$JDK" ] && jdk_is_usable "$JDK"; then return 0; fi
  done
  jdk_java=$(command -v java) && {
    if [ -L "$jdk_java" ]; then jdk_java=$(readlink -f "$jdk_java"); fi
    JDK=${jdk_java%/bin/java}
    if jdk_is_usable "$JDK"; then return 0; fi
  }
  for JDK in /usr/lib/jvm/* /usr/java/* /usr/local/*jdk* /usr/local/lib/jvm/* /opt/*jdk* /opt/java/* /opt/jvm/* \
    "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* "$HOME"/.asdf/installs/java/* \
    "$HOME"/.local/share/mise/installs/java/* "$HOME"/.local/share/jdk*; do
    if jdk_is_usable "$JDK"; then return 0; fi
  done
  JDK=
  echo "${0##*/}: no JDK $JDK_MINIMUM or newer found in JAVA_HOME, on the PATH, in /usr/lib/jvm, /opt or ~/.sdkman." \
    "Install one (Debian: openjdk-$JDK_MINIMUM-jdk; or Eclipse Temurin) or set JAVA_HOME to it." >&2
  return 1
}
