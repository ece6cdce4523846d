//! What comes over the socket, whole, in pieces, and as rubbish.

use super::wire::Act;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_frame_may_come_in_any_pieces() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |plan| plan.pack_wait = Duration::ZERO);
    let texts = numbered("title", 2);
    let bytes = frame::encode(&question(1, "", &texts, PATIENT, 0)).expect("a frame");
    for at in 1..bytes.len() {
        let mut backend = scene.connect();
        backend.stream.write_all(&bytes[..at]).await.expect("a part");
        tokio::time::sleep(Duration::from_millis(1)).await;
        backend.stream.write_all(&bytes[at..]).await.expect("the rest");
        for (text, reply) in texts.iter().zip(backend.replies(1, 2).await) {
            answered(text, reply);
        }
    }
    let mut backend = scene.connect();
    for byte in &bytes {
        backend.stream.write_all(&[*byte]).await.expect("a byte");
    }
    backend.replies(1, 2).await;
    // Two in one piece.
    let other = frame::encode(&question(2, "", &texts, PATIENT, 0)).expect("a frame");
    let both = [frame::encode(&question(3, "", &texts, PATIENT, 0)).expect("a frame"), other].concat();
    backend.stream.write_all(&both).await.expect("two frames");
    backend.hear().await;
    backend.hear().await;
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn rubbish_is_refused_in_words_and_hung_up_on() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let rubbish: [&[u8]; 6] = [
        &[9, 0, 0, 0, frame::VERSION + 1, b'{', b'}', 0, 0, 0, 0, 0, 0],
        &[0xff, 0xff, 0xff, 0xff, frame::VERSION],
        &[0, 0, 0, 0, frame::VERSION],
        b"\x05\0\0\0\x01nope",
        b"\x0c\0\0\0\x01{\"Ask\":[1]}",
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for bytes in rubbish {
        let mut backend = scene.connect();
        backend.stream.write_all(bytes).await.expect("rubbish");
        assert!(matches!(backend.hear().await, ToBackend::Refused { .. }), "{bytes:?}");
        assert_eq!(backend.stream.read(&mut [0]).await.ok(), Some(0), "{bytes:?}");
    }
    scene.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_cut_is_nothing() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let bytes = frame::encode(&question(1, "", &numbered("title", 2), PATIENT, 0)).expect("a frame");
    for at in 0..bytes.len() {
        let mut backend = scene.connect();
        backend.stream.write_all(&bytes[..at]).await.expect("a part");
        drop(backend);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.ends().await;
    assert_eq!(scene.ledger.lock().look_ups, 0);
}

#[tokio::test(start_paused = true)]
async fn a_number_in_use_and_too_many_questions_are_refused() {
    for same in [true, false] {
        let scene = Scene::new(Wire::new(|_, _, _| Act::Hang), |_| {});
        let mut backend = scene.connect();
        for request in 0..65 {
            backend.ask(if same { 1 } else { request }, &[format!("title {request}")], PATIENT).await;
            if same && request == 1 {
                break;
            }
        }
        assert!(matches!(backend.hear().await, ToBackend::Refused { .. }));
        scene.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_nothing_and_a_number_used_again_after_one_are_fine() {
    let scene = Scene::new(Wire::new(|_, _, _| Act::Answer), |_| {});
    let mut backend = scene.connect();
    backend.say(&ToGateway::Cancel { request: 7 }).await;
    backend.ask(1, &numbered("title", 1), PATIENT).await;
    backend.say(&ToGateway::Cancel { request: 1 }).await;
    backend.answers(1, &numbered("other", 1)).await;
    scene.ends().await;
    assert_eq!(scene.sent(), [numbered("other", 1)]);
}
