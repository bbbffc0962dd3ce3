# Toolchain of release binaries: the host's compiler against the older glibc that lies in $LOWBIT_SYSROOT.
set(sysroot $ENV{LOWBIT_SYSROOT})
if(NOT IS_DIRECTORY "${sysroot}/usr/include")
  message(FATAL_ERROR "LOWBIT_SYSROOT=${sysroot} is not a sysroot: it has no usr/include")
endif()
set(CMAKE_SYSROOT ${sysroot})
# The folders are named, because the linker otherwise finds the host's libc first.
set(from "--sysroot=${sysroot}")
foreach(folder usr/lib/x86_64-linux-gnu lib/x86_64-linux-gnu)
  string(APPEND from " -L${sysroot}/${folder}")
endforeach()
foreach(kind SHARED MODULE EXE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "${from}")
endforeach()
