"""Spack: spack repo add slurm/install/spack; spack install fedstrata

The sources are those that this file lies in, taken as they are.
"""

import os

from spack.package import *

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 5))


class Fedstrata(CMakePackage):
    """Federated learning over MPI, averaged layer by layer, and its loss barriers."""

    license("MIT")

    version("develop", git=f"file://{ROOT}", branch="main")

    variant("python", default=True, description="Figures and imports by the Python package")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("mpi")
    depends_on("hdf5@1.10: ~mpi")
    depends_on("boost@1.74: +program_options")
    depends_on("zlib-api")
    depends_on("xxhash")
    depends_on("py-torch@1.13: ~distributed")  # with LibTorch in its site-packages
    depends_on("python@3.9:", type=("build", "run"))
    depends_on("py-h5py", type="run", when="+python")
    depends_on("py-numpy", type="run", when="+python")
    depends_on("py-matplotlib", type="run", when="+python")

    generator("ninja")

    def cmake_args(self):
        torch = os.path.join(self.spec["py-torch"].prefix,
                             self.spec["python"].package.platlib, "torch")
        return [self.define("FEDSTRATA_TESTS", False), self.define("CMAKE_PREFIX_PATH", torch)]

    def setup_run_environment(self, env):
        env.prepend_path("PYTHONPATH", self.prefix.share.fedstrata.python)
