/* What bench/mpi.mjs compares clip-ts with: the same sums, without JavaScript. Arguments: floats, times. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
  int rank, level;
  MPI_Init_thread(&count, &words, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int length = atoi(words[1]), times = atoi(words[2]);
  float *values = calloc(length, sizeof *values);
  for (int time = -1; time < times; time += 1) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double from = MPI_Wtime();
    MPI_Allreduce(MPI_IN_PLACE, values, length, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0 && time >= 0) printf("%f\n", 1000 * (MPI_Wtime() - from));
  }
  free(values);
  MPI_Finalize();
  return 0;
}
