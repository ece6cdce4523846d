//! The queue is looked at when somebody says that there may be more.

use super::wire::Act;
use super::*;
use crate::batches;

#[tokio::test(start_paused = true)]
async fn it_is_looked_twice_for_what_somebody_has_just_committed() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    tokio::spawn(batches::run(scene.desk.clone()));
    let looks = async |after| {
        tokio::time::sleep(Duration::from_millis(after)).await;
        scene.ledger.lock().agendas
    };
    assert_eq!(looks(10_000).await, 1, "at the start");
    scene.desk.batches_wanted.notify_one();
    assert_eq!(looks(500).await, 2, "at once");
    assert_eq!(looks(1_000).await, 3, "when others have heard what was changed");
    assert_eq!(looks(3_600_000).await, 3, "and no more");
    // Whoever wakes it again and again has it look as often, and once more.
    for _ in 0..3 {
        scene.desk.batches_wanted.notify_one();
        looks(100).await;
    }
    assert_eq!(looks(10_000).await, 7);
}
